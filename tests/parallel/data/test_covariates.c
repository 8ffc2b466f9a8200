/* The coding of covariates: which columns of numbers a table makes, against which reference, with which
 * centre and scale; and histories of unlike customers stay apart. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/portfolio.h"
#include "jobs/prepare.h"

enum { CUSTOMERS = 120, COVARIATES = 6 };

/* age 20 … 49, one value missing; wealth on a scale of 1e12; club 0 or 1; shop b most often; region a number
 * that is a label. */
static void row_print(FILE *to, int i) {
  static const char *const SHOP[] = {"b", "a", "b", "c", "b"};
  char                     age[8] = "";
  if (i > 0) snprintf(age, sizeof age, "%d", 20 + i % 30);
  fprintf(to, "c%d,%s,%d000000000000,%d,%s,%d\n", i, age, i % 7, i % 3 == 0, SHOP[i % 5], 100 * (1 + i % 2));
}

static clv_status inputs_write(const clv_comm *comm, const char *log, const char *table) {
  FILE *one = NULL, *two = NULL;
  if (clv_comm_rank(comm) == 0) {
    one = fopen(log, "w"), two = fopen(table, "w");
    if (one == NULL || two == NULL) return clv_comm_agree(comm, CLV_EIO);
    fputs("id,date,amount\n", one);
    fputs("id,age,wealth,club,shop,region\n", two);
    for (int i = 0; i < CUSTOMERS; i++) { /* everyone has the same history */
      fprintf(one, "c%d,2020-01-01,1\nc%d,2020-02-01,2\n", i, i);
      row_print(two, i);
    }
    fclose(one), fclose(two);
  }
  return clv_comm_agree(comm, CLV_OK);
}

static bool is_near(double a, double b) { return fabs(a - b) <= 1e-12 * fabs(b); }

static clv_status coding_check(const clv_portfolio *p) {
  static const char *const NAME[COVARIATES] = {"age", "wealth", "club", "shop=a", "shop=c", "region=200"};
  double                   mean = 0.0, square = 0.0, wealth = 0.0, wealth_square = 0.0;
  for (int i = 1; i < CUSTOMERS; i++) mean += (20 + i % 30) / (CUSTOMERS - 1.0);
  for (int i = 1; i < CUSTOMERS; i++) square += (20 + i % 30 - mean) * (20 + i % 30 - mean) / CUSTOMERS;
  for (int i = 0; i < CUSTOMERS; i++) wealth += i % 7 / (double)CUSTOMERS;
  for (int i = 0; i < CUSTOMERS; i++) wealth_square += (i % 7 - wealth) * (i % 7 - wealth) / CUSTOMERS;
  const double center[COVARIATES] = {mean, 1e12 * wealth, 0, 0, 0, 0},
               scale[COVARIATES]  = {sqrt(square), 1e12 * sqrt(wealth_square), 1, 1, 1, 1};
  if (clv_portfolio_facts_get(p)->n_covariate != COVARIATES)
    return clv_fail(CLV_EFAULT, "%d covariates", (int)clv_portfolio_facts_get(p)->n_covariate);
  for (size_t k = 0; k < COVARIATES; k++) {
    const clv_covariate *c = clv_portfolio_covariate(p, k);
    if (strcmp(c->name, NAME[k]) != 0 || !is_near(c->center, center[k]) || !is_near(c->scale, scale[k]))
      return clv_fail(CLV_EFAULT, "covariate %zu is '%s', (w - %.17g) / %.17g", k, c->name, c->center,
                      c->scale);
  }
  return CLV_OK;
}

/* Cells are in order, each vector is one of the table's, and the counts are all customers. */
static clv_status cells_check(const clv_portfolio *p) {
  clv_cell_columns c     = {0};
  const uint64_t   n     = clv_portfolio_facts_get(p)->n_cell;
  uint64_t         total = 0;
  clv_status       st    = clv_portfolio_read_cells(p, 0, n, &c);
  for (uint64_t i = 0; st == CLV_OK && i < n; i++) {
    const double *w = c.covariate + i * COVARIATES, *before = i == 0 ? NULL : w - COVARIATES;
    size_t        k = 0;
    total += c.count[i];
    while (before != NULL && k < COVARIATES && w[k] == before[k]) k++;
    if (before != NULL && (k == COVARIATES || w[k] < before[k]))
      st = clv_fail(CLV_EFAULT, "cell %d is not behind the one before it", (int)i);
    if (c.x[i] != 1 || c.count[i] != 1 + (w[2] + w[3] + w[4] + w[5] < 0))
      st = clv_fail(CLV_EFAULT, "cell %d has x %u and %u customers", (int)i, c.x[i], c.count[i]);
  }
  if (st == CLV_OK && (total != CUSTOMERS || n != CUSTOMERS))
    st = clv_fail(CLV_EFAULT, "%d cells of %d customers", (int)n, (int)total);
  clv_cell_columns_free(&c);
  return st;
}

int main(int argc, char **argv) {
  static char    folder[64] = "/tmp/clv_covariates_XXXXXX", log[96], table[96], path[96];
  static char    age[] = "age", wealth[] = "wealth", club[] = "club", shop[] = "shop", region[] = "region";
  clv_status     st;
  clv_comm      *comm   = NULL;
  clv_portfolio *p      = NULL;
  char          *logs[] = {log}, *all[] = {age, wealth, club, shop, region}, *labels[] = {region};
  clv_config     config = {.name = (char[]){"run"}};
  CLV_TRY(clv_comm_init(&argc, &argv));
  CLV_TRY(clv_comm_world(&comm));
  if (clv_comm_rank(comm) == 0 && mkdtemp(folder) == NULL) return 1;
  clv_comm_broadcast(comm, folder, sizeof folder, 0);
  snprintf(log, sizeof log, "%s/log.csv", folder);
  snprintf(table, sizeof table, "%s/table.csv", folder);
  snprintf(path, sizeof path, "%s/run/portfolio.h5", folder);
  CLV_TRY(inputs_write(comm, log, table));
  config.output.directory      = folder;
  config.data.customer         = (char[]){"id"};
  config.data.time             = (char[]){"date"};
  config.data.amount           = (char[]){"amount"};
  config.data.time_unit        = CLV_WEEK;
  config.data.merge_unit       = CLV_MERGE_DAY;
  config.data.observation_end  = (char[]){"2020-06-30"};
  config.data.transactions     = (clv_strings){logs, 1};
  config.customers.table       = table;
  config.customers.customer    = config.data.customer;
  config.customers.covariates  = (clv_strings){all, 5};
  config.customers.categorical = (clv_strings){labels, 1};
  config.customers.missing = config.customers.unknown_ids = CLV_KEEP;
  CLV_TRY(clv_prepare(comm, &config, NULL));
  CLV_TRY(clv_portfolio_open(comm, path, &p));
  CLV_TRY(clv_comm_agree(comm, coding_check(p)));
  CLV_TRY(clv_comm_agree(comm, cells_check(p)));
out:
  if (st < 0 && comm != NULL && clv_comm_rank(comm) == 0) fprintf(stderr, "%s\n", clv_message());
  clv_portfolio_close(&p);
  char command[96];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  if (comm != NULL && clv_comm_rank(comm) == 0 && system(command) != 0) st = CLV_EIO;
  clv_comm_free(&comm);
  clv_comm_finalize();
  return clv_status_exit_code(st);
}
