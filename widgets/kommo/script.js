// The step of the Salesbot that asks the desk. What it saves is the same as salesbot.json: a request that waits for its
// answer, and a branch on what was answered. It calls nothing by itself.
define(["jquery"], function () {
  "use strict";

  function condition(name, value, then) {
    return {
      handler: "conditions",
      params: {
        logic: "and",
        conditions: [{ term1: "{{json." + name + "}}", term2: value, operation: "=" }],
        result: then,
      },
    };
  }

  function exit(value) {
    return { handler: "exits", params: { value: value } };
  }

  function goTo(step) {
    return { handler: "goto", params: { type: "question", step: step } };
  }

  // Steps count from 0; the first asks, the second shows what is too long for the answer itself, the third branches.
  function steps(url) {
    return [
      {
        question: [
          {
            handler: "widget_request",
            params: {
              url: url,
              data: {
                message: "{{message_text}}",
                lead_id: "{{lead.id}}",
                contact_id: "{{contact.id}}",
                contact_name: "{{contact.name}}",
              },
            },
          },
          goTo(1),
        ],
        require: [],
      },
      {
        question: [condition("long", "yes", [{ handler: "show", params: { type: "text", value: "{{json.reply}}" } }]), goTo(2)],
        require: [],
      },
      {
        question: [
          condition("status", "success", [exit("success")]),
          condition("status", "human", [exit("human")]),
          exit("fail"),
        ],
        require: [],
      },
    ];
  }

  return function () {
    var widget = this;
    function word(name) {
      return widget.i18n("settings")[name];
    }
    this.callbacks = {
      render: function () {
        return true;
      },
      init: function () {
        return true;
      },
      bind_actions: function () {
        return true;
      },
      settings: function () {
        return true;
      },
      onSave: function () {
        return true;
      },
      destroy: function () {},
      salesbotDesignerSettings: function () {
        return {
          exits: [
            { code: "success", title: word("exit_success") },
            { code: "human", title: word("exit_human") },
            { code: "fail", title: word("exit_fail") },
          ],
        };
      },
      onSalesbotDesignerSave: function (handlerCode, params) {
        return JSON.stringify(steps(params.url));
      },
    };
    return this;
  };
});
