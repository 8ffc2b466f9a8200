#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "comm/comm.h"
#include "io/files.h"
#include "jobs/program.h"

/* mpirun ends slowly after a non-zero exit: a caller that names a file reads "run again" from there. Only
 * rank 0 is sure to have the variable. Collective. */
static int exit_code_tell(const clv_comm *world, int code) {
  int32_t told = 0;
  if (clv_comm_rank(world) == 0) {
    const char *path = getenv("CLV_STATUS_FILE");
    char        text[16];
    const int   n = snprintf(text, sizeof text, "%d\n", code);
    if (path != NULL && *path != '\0') {
      clv_message_clear();
      told = clv_file_write(path, text, (size_t)n) == CLV_OK;
      if (!told) fprintf(stderr, "clv: CLV_STATUS_FILE: %s\n", clv_message());
    }
  }
  clv_comm_broadcast(world, &told, sizeof told, 0);
  return told && code == 75 ? 0 : code;
}

int main(int argc, char **argv) {
  clv_comm *world = NULL;
  signal(SIGPIPE, SIG_IGN); /* `clv --help | head`: a reader that leaves early ends nobody */
  clv_status st = clv_comm_init(&argc, &argv);
  if (st >= 0) st = clv_comm_world(&world);
  if (st >= 0) st = clv_program_run(world, argc, argv);
  if (st < 0 && (world == NULL || clv_comm_rank(world) == 0) && clv_message()[0] != '\0')
    fprintf(stderr, "clv: %s\n", clv_message());
  if (st == CLV_EIO) clv_comm_abandon(); /* HDF5 would try again to write what could not be written */
  int code = clv_status_exit_code(st);
  if (world != NULL) code = exit_code_tell(world, code);
  clv_comm_free(&world);
  clv_comm_leave(code);
}
