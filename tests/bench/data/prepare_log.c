/* Prepares a portfolio without a configuration file, and says what it took. By hand:
 *   tests/mpirun.sh 2 build/release/tests/bench/data/prepare_log FOLDER CUSTOMER TIME AMOUNT UNIT END HOLDOUT
 * FORMAT FILES... FOLDER/run receives the three files; AMOUNT, END, HOLDOUT and FORMAT may be "-"; UNIT is
 * day, week, month or year. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "jobs/prepare.h"

/* Only until the configuration's own are linked. */
__attribute__((weak)) double clv_time_unit_days(clv_time_unit unit) {
  static const double DAYS[] = {1.0, 7.0, 365.25 / 12.0, 365.25};
  return DAYS[unit];
}
__attribute__((weak)) const char *clv_time_unit_name(clv_time_unit unit) {
  static const char *const NAME[] = {"day", "week", "month", "year"};
  return NAME[unit];
}
__attribute__((weak)) clv_status clv_config_run_path(const clv_config *self, const char *file, char **out) {
  return asprintf(out, "%s/%s/%s", self->output.directory, self->name, file) < 0 ? CLV_ENOMEM : CLV_OK;
}

static char *or_null(char *text) { return strcmp(text, "-") == 0 ? NULL : text; }

static clv_time_unit unit_of(const char *name) {
  return name[0] == 'd' ? CLV_DAY : name[0] == 'w' ? CLV_WEEK : name[0] == 'm' ? CLV_MONTH : CLV_YEAR;
}

int main(int argc, char **argv) {
  clv_comm     *comm   = NULL;
  clv_config    config = {.name = "run"};
  clv_status    st;
  struct rusage use;
  double        start;
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_world(&comm) < 0) return 1;
  if (argc < 10) {
    fprintf(stderr, "usage: prepare_log FOLDER CUSTOMER TIME AMOUNT UNIT END HOLDOUT FORMAT FILES...\n");
    return 2;
  }
  config.output.directory      = argv[1];
  config.data.customer         = argv[2];
  config.data.time             = argv[3];
  config.data.amount           = or_null(argv[4]);
  config.data.time_unit        = unit_of(argv[5]);
  config.data.merge_unit       = CLV_MERGE_DAY;
  config.data.observation_end  = or_null(argv[6]);
  config.data.holdout_end      = or_null(argv[7]);
  config.data.time_format      = or_null(argv[8]);
  config.data.transactions     = (clv_strings){argv + 9, (size_t)argc - 9};
  config.data.returns          = CLV_NET;
  config.data.zero_amounts     = CLV_KEEP;
  config.data.bad_rows         = CLV_DROP;
  config.data.duplicates       = CLV_KEEP;
  config.data.min_transactions = 2;
  start                        = clv_clock();
  st                           = clv_prepare(comm, &config, stdout);
  getrusage(RUSAGE_SELF, &use);
  if (st < 0 && clv_comm_rank(comm) == 0) fprintf(stderr, "clv: %s\n", clv_message());
  fprintf(stderr, "rank %d: %.2f s, of which %.2f s CPU, %.0f MB at most\n", clv_comm_rank(comm),
          clv_clock() - start,
          (double)use.ru_utime.tv_sec + (double)use.ru_utime.tv_usec * 1e-6 + (double)use.ru_stime.tv_sec +
              (double)use.ru_stime.tv_usec * 1e-6,
          (double)use.ru_maxrss / 1024.0);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return clv_status_exit_code(st);
}
