#include "jobs/stop.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t wanted;

static void on_signal(int number) {
  if (number == SIGINT && wanted) _exit(130);
  wanted = 1;
}

void clv_stop_listen(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
}

bool clv_stop_wanted(void) { return wanted != 0; }
