#include "comm/comm.h"

int main(int argc, char **argv) {
  clv_status st = clv_comm_init(&argc, &argv);
  clv_comm_finalize();
  return clv_status_exit_code(st);
}
