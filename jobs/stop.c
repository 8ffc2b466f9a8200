#include "jobs/stop.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t wanted, asked;

static void on_signal(int number) {
  if (number == SIGINT && wanted) _exit(130);
  wanted = 1;
}

static void on_question(int number) {
  (void)number;
  asked = 1;
}

void clv_stop_listen(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
  action.sa_handler = on_question;
  sigaction(SIGUSR2, &action, NULL);
}

bool clv_stop_wanted(void) { return wanted != 0; }

bool clv_stop_status_asked(void) {
  const bool was = asked != 0;
  asked          = 0;
  return was;
}
