/* Runs the job on a configuration given as words, for the tests of this area and for measuring by hand:
 *   tests/mpirun.sh 2 build/release/tests/faults/data/prepare_with out=/tmp/x customer=id time=date
 * amount=amount log=a.csv log=b.csv Further words: unit, merge, end, holdout, format, returns, zeros, bad,
 * duplicates, min, table, table_id, segment, covariate and categorical (repeated), unknown, missing, cost=1
 * (time and memory on stderr). Exits as clv does; the three files go to OUT/run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "jobs/prepare.h"

#define LIST_MAX 64

static int choice(const char *word, const char *const *name) {
  for (int i = 0; name[i] != NULL; i++)
    if (strcmp(word, name[i]) == 0) return i;
  fprintf(stderr, "prepare_with: unknown value '%s'\n", word);
  exit(2);
}

static clv_policy policy_of(const char *word) {
  return (clv_policy)choice(word, (const char *const[]){"net", "drop", "keep", "fail", NULL});
}

/* The words whose value is a text. */
static char **text_of(clv_config *c, const char *key) {
  const struct {
    const char *key;
    char      **to;
  } all[] = {{"out", &c->output.directory},
             {"customer", &c->data.customer},
             {"time", &c->data.time},
             {"amount", &c->data.amount},
             {"end", &c->data.observation_end},
             {"holdout", &c->data.holdout_end},
             {"format", &c->data.time_format},
             {"table", &c->customers.table},
             {"table_id", &c->customers.customer},
             {"segment", &c->customers.segment}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (strcmp(key, all[i].key) == 0) return all[i].to;
  return NULL;
}

static clv_policy *policy_at(clv_config *c, const char *key) {
  const struct {
    const char *key;
    clv_policy *to;
  } all[] = {{"returns", &c->data.returns},
             {"zeros", &c->data.zero_amounts},
             {"bad", &c->data.bad_rows},
             {"duplicates", &c->data.duplicates},
             {"unknown", &c->customers.unknown_ids},
             {"missing", &c->customers.missing}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (strcmp(key, all[i].key) == 0) return all[i].to;
  return NULL;
}

static void word_take(clv_config *c, bool *cost, char *word) {
  char        *value  = strchr(word, '=');
  char       **text   = NULL;
  clv_policy  *policy = NULL;
  clv_strings *list   = NULL;
  if (value == NULL) exit(2);
  *value++ = '\0';
  text     = text_of(c, word);
  policy   = policy_at(c, word);
  if (strcmp(word, "log") == 0) list = &c->data.transactions;
  if (strcmp(word, "covariate") == 0) list = &c->customers.covariates;
  if (strcmp(word, "categorical") == 0) list = &c->customers.categorical;
  if (text != NULL)
    *text = value;
  else if (policy != NULL)
    *policy = policy_of(value);
  else if (list != NULL && list->n < LIST_MAX)
    list->item[list->n++] = value;
  else if (strcmp(word, "unit") == 0)
    c->data.time_unit =
        (clv_time_unit)choice(value, (const char *const[]){"day", "week", "month", "year", NULL});
  else if (strcmp(word, "merge") == 0)
    c->data.merge_unit =
        (clv_merge_unit)choice(value, (const char *const[]){"instant", "day", "week", "month", "year", NULL});
  else if (strcmp(word, "min") == 0)
    c->data.min_transactions = atoi(value);
  else if (strcmp(word, "cost") == 0)
    *cost = true;
  else
    exit(2);
}

static void cost_print(const clv_comm *comm, double start) {
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  fprintf(stderr, "rank %d: %.2f s, CPU %.2f s user %.2f s system, %.0f MB at most\n", clv_comm_rank(comm),
          clv_clock() - start, (double)use.ru_utime.tv_sec + (double)use.ru_utime.tv_usec * 1e-6,
          (double)use.ru_stime.tv_sec + (double)use.ru_stime.tv_usec * 1e-6, (double)use.ru_maxrss / 1024.0);
}

int main(int argc, char **argv) {
  clv_comm  *comm = NULL;
  char      *log[LIST_MAX], *covariate[LIST_MAX], *categorical[LIST_MAX];
  clv_config config = {.name = "run"};
  bool       cost   = false;
  double     start;
  clv_status st;
  config.data.customer         = "id";
  config.data.time             = "date";
  config.data.time_unit        = CLV_WEEK;
  config.data.merge_unit       = CLV_MERGE_DAY;
  config.data.returns          = CLV_NET;
  config.data.zero_amounts     = CLV_KEEP;
  config.data.bad_rows         = CLV_DROP;
  config.data.duplicates       = CLV_KEEP;
  config.data.min_transactions = 2;
  config.data.transactions     = (clv_strings){log, 0};
  config.customers.customer    = "id";
  config.customers.covariates  = (clv_strings){covariate, 0};
  config.customers.categorical = (clv_strings){categorical, 0};
  config.customers.unknown_ids = CLV_KEEP;
  config.customers.missing     = CLV_KEEP;
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_world(&comm) < 0) return 1;
  for (int i = 1; i < argc; i++) word_take(&config, &cost, argv[i]);
  start = clv_clock();
  st    = clv_prepare(comm, &config, stdout);
  if (st < 0 && clv_comm_rank(comm) == 0) fprintf(stderr, "clv: %s\n", clv_message());
  if (cost) cost_print(comm, start);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return clv_status_exit_code(st);
}
