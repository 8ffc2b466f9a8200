/* The CDNOW sample becomes, customer by customer, the published x, t.x, T, holdout purchases and mean repeat
 * spend, exactly. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/portfolio.h"
#include "jobs/prepare.h"

#define CUSTOMERS 2357

/* One published row against the portfolio's customer of that id. The file prints 15 digits. */
static clv_status row_check(const char *line, const clv_customer_columns *c, const char *ids,
                            const uint64_t *offset) {
  unsigned long id, x, star;
  double        t_x, T, spend;
  char          text[32];
  if (sscanf(line, "%lu,%lu,%lf,%lf,%lu,%lf", &id, &x, &t_x, &T, &star, &spend) != 6)
    return clv_fail(CLV_EFAULT, "cannot read '%s'", line);
  snprintf(text, sizeof text, "%lu", id);
  for (uint64_t i = 0; i < c->n; i++) {
    if (offset[i + 1] - offset[i] != strlen(text) || memcmp(ids + offset[i], text, strlen(text)) != 0)
      continue;
    if (c->x[i] == x && c->holdout_x[i] == star && fabs(c->t_x[i] - t_x) <= 1e-13 * T &&
        fabs(c->T[i] - T) <= 1e-13 * T && rint(c->t_x[i] * 7.0) / 7.0 == c->t_x[i] &&
        fabs(c->spend[i] - spend) <= 1e-12 * spend)
      return CLV_OK;
    return clv_fail(CLV_EFAULT, "customer %s: x %u t_x %.17g T %.17g x* %u m %.17g, published %s", text,
                    c->x[i], c->t_x[i], c->T[i], c->holdout_x[i], c->spend[i], line);
  }
  return clv_fail(CLV_EFAULT, "customer %s is not in the portfolio", text);
}

static clv_status table_check(const char *path, const clv_customer_columns *c, const char *ids,
                              const uint64_t *offset) {
  clv_status st   = CLV_OK;
  FILE      *from = fopen(path, "r");
  char       line[256];
  int        n = 0;
  if (from == NULL) return clv_fail(CLV_EIO, "cannot open %s", path);
  if (fgets(line, sizeof line, from) == NULL) st = CLV_EIO;
  for (; st == CLV_OK && fgets(line, sizeof line, from) != NULL; n++) st = row_check(line, c, ids, offset);
  fclose(from);
  if (st == CLV_OK && n != CUSTOMERS)
    st = clv_fail(CLV_EFAULT, "%d published customers, expected %d", n, CUSTOMERS);
  return st;
}

static int double_order(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* reference/oracle.csv, builder, gamma_gamma_population_stats: of the 946 mean repeat spends, rounded. */
static clv_status spend_check(const clv_customer_columns *c) {
  double z[CUSTOMERS], mean = 0.0, square = 0.0;
  size_t n = 0;
  for (uint64_t i = 0; i < c->n; i++)
    if (c->x[i] > 0) z[n++] = c->spend[i];
  qsort(z, n, sizeof *z, double_order);
  for (size_t i = 0; i < n; i++) mean += z[i] / (double)n;
  for (size_t i = 0; i < n; i++) square += (z[i] - mean) * (z[i] - mean) / (double)(n - 1);
  if (n == 946 && rint(mean) == 35.0 && rint(sqrt(square)) == 30.0 && rint(z[0]) == 3.0 &&
      rint(z[n - 1]) == 300.0 && rint((z[472] + z[473]) / 2.0) == 27.0)
    return CLV_OK;
  return clv_fail(CLV_EFAULT, "%zu customers: mean %g sd %g min %g median %g max %g", n, mean, sqrt(square),
                  z[0], z[473], z[n - 1]);
}

/* Cells hold every customer once, sorted, distinct. */
static clv_status cells_check(const clv_portfolio *p) {
  clv_cell_columns c  = {0};
  clv_status       st = clv_portfolio_read_cells(p, 0, clv_portfolio_facts_get(p)->n_cell, &c);
  uint64_t         n  = 0;
  for (uint64_t i = 0; st == CLV_OK && i < c.n; i++) {
    n += c.count[i];
    if (i > 0 && !(c.x[i - 1] < c.x[i] ||
                   (c.x[i - 1] == c.x[i] &&
                    (c.t_x[i - 1] < c.t_x[i] || (c.t_x[i - 1] == c.t_x[i] && c.T[i - 1] < c.T[i])))))
      st = clv_fail(CLV_EFAULT, "cells %llu and the one before are not in order", (unsigned long long)i);
  }
  if (st == CLV_OK && n != CUSTOMERS)
    st = clv_fail(CLV_EFAULT, "the cells hold %llu customers", (unsigned long long)n);
  clv_cell_columns_free(&c);
  return st;
}

static clv_status portfolio_check(const clv_comm *comm, const char *path, const char *table) {
  clv_status           st;
  clv_portfolio       *p      = NULL;
  clv_customer_columns c      = {0};
  char                *ids    = NULL;
  uint64_t            *offset = NULL;
  CLV_TRY(clv_portfolio_open(comm, path, &p));
  if (clv_portfolio_facts_get(p)->n_customer != CUSTOMERS ||
      clv_portfolio_facts_get(p)->holdout_length != 39.0)
    CLV_TRY(clv_fail(CLV_EFAULT, "the facts are wrong"));
  CLV_TRY(clv_portfolio_read_customers(p, 0, CUSTOMERS, &c));
  CLV_TRY(clv_portfolio_read_ids(p, 0, CUSTOMERS, &ids, &offset));
  CLV_TRY(table_check(table, &c, ids, offset));
  CLV_TRY(spend_check(&c));
  CLV_TRY(cells_check(p));
out:
  clv_customer_columns_free(&c);
  free(ids);
  free(offset);
  clv_portfolio_close(&p);
  return st;
}

/* Rank 0's folder, for all. */
static void folder_make(const clv_comm *comm, char folder[32]) {
  memcpy(folder, "/tmp/clv_cdnow_XXXXXX", sizeof "/tmp/clv_cdnow_XXXXXX");
  if (clv_comm_rank(comm) == 0 && mkdtemp(folder) == NULL) folder[0] = '\0';
  clv_comm_broadcast(comm, folder, 32, 0);
}

static void folder_remove(const clv_comm *comm, const char *folder) {
  static const char *const NAME[] = {"/run/portfolio.h5", "/run/data_report.json", "/run/rejected.csv"};
  char                     path[96];
  clv_comm_barrier(comm);
  if (clv_comm_rank(comm) != 0) return;
  for (int i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s%s", folder, NAME[i]);
    unlink(path);
  }
  snprintf(path, sizeof path, "%s/run", folder);
  rmdir(path);
  rmdir(folder);
}

int main(int argc, char **argv) {
  clv_status  st;
  clv_comm   *comm   = NULL;
  const char *shared = getenv("CLV_SHARED_DATA");
  char        log[512], table[512], path[64], folder[32] = "", *item[1] = {log};
  clv_config  config = {.name = (char[]){"run"}};
  CLV_TRY(clv_comm_init(&argc, &argv));
  CLV_TRY(clv_comm_world(&comm));
  if (shared == NULL || shared[0] == '\0') {
    puts("skipped: CLV_SHARED_DATA names no folder with data/ and reference/");
    clv_comm_free(&comm);
    clv_comm_finalize();
    return 77;
  }
  folder_make(comm, folder);
  snprintf(log, sizeof log, "%s/data/cdnow_sample_transactions.csv", shared);
  snprintf(table, sizeof table, "%s/data/cdnow_sample_cbs.csv", shared);
  snprintf(path, sizeof path, "%s/run/portfolio.h5", folder);
  config.output.directory     = folder;
  config.data.customer        = (char[]){"Id"};
  config.data.time            = (char[]){"Date"};
  config.data.amount          = (char[]){"Price"};
  config.data.time_unit       = CLV_WEEK;
  config.data.merge_unit      = CLV_MERGE_DAY;
  config.data.observation_end = (char[]){"1997-09-30"};
  config.data.holdout_end     = (char[]){"1998-06-30"};
  config.data.returns = config.data.zero_amounts = config.data.duplicates = CLV_KEEP;
  config.data.bad_rows                                                    = CLV_FAIL;
  config.data.transactions                                                = (clv_strings){item, 1};
  CLV_TRY(clv_prepare(comm, &config, NULL));
  CLV_TRY(portfolio_check(comm, path, table));
out:
  if (st < 0 && clv_comm_rank(comm) == 0) fprintf(stderr, "%s\n", clv_message());
  folder_remove(comm, folder);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return clv_status_exit_code(st);
}
