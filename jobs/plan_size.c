#include "jobs/plan_size.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "io/csv_files.h"
#include "io/portfolio.h"

enum { SAMPLE_BYTES = 1 << 20 };

/* Beyond this, compressed files are what limits the ranks that read. */
static const double PIECES_MOST = 1e9;

/* Lines per stored byte at the beginning of a file, compressed or not. */
static double lines_per_byte(const char *path) {
  gzFile file  = gzopen(path, "rb");
  char  *text  = malloc(SAMPLE_BYTES);
  double lines = 0.0, stored = 0.0;
  if (file != NULL && text != NULL) {
    const int n = gzread(file, text, SAMPLE_BYTES);
    for (int i = 0; i < n; i++) lines += text[i] == '\n';
    stored = gzdirect(file) ? (double)n : (double)gzoffset(file);
  }
  if (file != NULL) gzclose(file);
  free(text);
  return stored > 0.0 ? lines / stored : 0.0;
}

static clv_status log_look(const clv_comm *world, const clv_config *config, clv_plan_size *size) {
  clv_csv_files *files = NULL;
  double         rows = 0.0, packed = 0.0;
  clv_status     st = clv_csv_files_new(world, "data.transactions", config->data.transactions.item,
                                        config->data.transactions.n, &files);
  if (st < 0) return st;
  const size_t n = clv_csv_files_n(files);
  for (size_t i = 0; i < n; i++) {
    const clv_csv_file *file = clv_csv_files_get(files, i);
    size->log_bytes += (double)file->bytes;
    packed += file->is_gzip;
    rows += (double)file->bytes * lines_per_byte(file->path);
  }
  if (packed == (double)n) size->pieces = packed;
  if (size->transactions == 0.0 && size->customers == 0.0) size->transactions = rows;
  clv_csv_files_free(&files);
  return st;
}

static clv_status portfolio_look(const clv_comm *world, const clv_config *config, clv_plan_size *size) {
  clv_portfolio *portfolio = NULL;
  char          *path = NULL, *report = NULL;
  clv_status     st;
  CLV_TRY(clv_config_run_path(config, "portfolio.h5", &path));
  CLV_TRY(clv_config_run_path(config, "data_report.json", &report));
  if (access(path, R_OK) != 0) goto out;
  CLV_TRY(clv_portfolio_open(world, path, &portfolio));
  const clv_portfolio_facts *facts = clv_portfolio_facts_get(portfolio);
  json_t                    *root  = json_load_file(report, 0, NULL);
  size->source                     = "portfolio";
  size->customers                  = (double)facts->n_customer;
  size->histories                  = (double)facts->n_cell;
  size->transactions = (double)json_integer_value(json_object_get(json_object_get(root, "rows"), "read"));
  json_decref(root);
out:
  clv_portfolio_close(&portfolio);
  free(path);
  free(report);
  return st;
}

clv_status clv_plan_size_find(const clv_comm *world, const clv_config *config, clv_plan_size *size) {
  const bool is_given = size->customers > 0.0 || size->transactions > 0.0;
  clv_status st       = CLV_OK;
  size->pieces        = PIECES_MOST;
  size->source        = is_given ? "given" : "log";
  if (!is_given) CLV_TRY(portfolio_look(world, config, size));
  if (config->data.transactions.n > 0) {
    st = log_look(world, config, size);
    if (st < 0 && (is_given || size->customers > 0.0)) { /* the log need not be here any more, or yet */
      clv_message_clear();
      st = CLV_OK;
    }
  }
  if (st == CLV_OK && size->customers == 0.0 && size->transactions == 0.0)
    st = clv_fail(CLV_EUSAGE,
                  "nothing says how large the portfolio is: there is no log and no portfolio.h5; give "
                  "--customers N and --transactions M");
out:
  return st;
}
