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

/* A terminal that goes away; under nohup it is no concern of ours. */
static void hangup_listen(const struct sigaction *action) {
  struct sigaction before;
  if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(SIGHUP, action, NULL);
}

void clv_stop_listen(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
  hangup_listen(&action);
  action.sa_handler = on_question;
  sigaction(SIGUSR2, &action, NULL);
}

bool clv_stop_wanted(void) { return wanted != 0; }

bool clv_stop_agreed(const clv_comm *comm) {
  int64_t any = clv_stop_wanted();
  clv_comm_max_i64(comm, &any, 1);
  return any != 0;
}

bool clv_stop_status_asked(void) {
  const bool was = asked != 0;
  asked          = 0;
  return was;
}
