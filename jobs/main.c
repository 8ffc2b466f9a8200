#include <signal.h>
#include <stdio.h>

#include "comm/comm.h"
#include "jobs/program.h"

int main(int argc, char **argv) {
  clv_comm *world = NULL;
  signal(SIGPIPE, SIG_IGN); /* `clv --help | head`: a reader that leaves early ends nobody */
  clv_status st = clv_comm_init(&argc, &argv);
  if (st >= 0) st = clv_comm_world(&world);
  if (st >= 0) st = clv_program_run(world, argc, argv);
  if (st < 0 && (world == NULL || clv_comm_rank(world) == 0) && clv_message()[0] != '\0')
    fprintf(stderr, "clv: %s\n", clv_message());
  clv_comm_free(&world);
  clv_comm_finalize();
  return clv_status_exit_code(st);
}
