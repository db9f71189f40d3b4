//! Journeys: the real daemon in a town of faithful doubles, from the first message on. One file per part of the
//! requirements; every journey runs on Redis and embedded alike.

mod journeys {
    mod support;

    mod answering;
    mod asking;
    mod fetching;
    mod forgotten;
    mod handing_over;
    mod human;
    mod instructed;
    mod intake;
    mod kommo;
    mod mailing;
    mod mode;
    mod shadow;
    mod stops;
    mod timers;
    mod unassigned;
    mod verified;
    mod verifying;
    mod voice;
}
