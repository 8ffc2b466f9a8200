#include "jobs/prepare.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/data_report.h"
#include "io/files.h"
#include "io/history_rules.h"
#include "io/time_format.h"
#include "jobs/job.h"
#include "jobs/stop.h"

/* The run of the job; all owned but the first three. */
typedef struct prepare {
  const clv_comm        *comm;
  const clv_config      *config;
  FILE                  *summary;
  clv_csv_files         *log, *table; /* table NULL without one */
  const char           **path;        /* of both, by file number; each borrowed */
  clv_rejects           *rejects;
  clv_ledger            *ledger;
  clv_customers         *customers;
  clv_portfolio_draft   *draft;
  clv_transactions_tally tally;
  clv_portfolio_facts    facts;
  clv_history_rules      rules;
  clv_reject_count       reject;
} prepare;

static void prepare_clear(prepare *p) {
  clv_csv_files_free(&p->log);
  clv_csv_files_free(&p->table);
  clv_rejects_free(&p->rejects);
  if (p->ledger != NULL) clv_ledger_free(&p->ledger);
  if (p->customers != NULL) clv_customers_free(&p->customers);
  if (p->draft != NULL) clv_portfolio_draft_free(&p->draft);
  free(p->path);
}

/* Nothing is written before everything is read: there is no state to keep. */
static clv_status stop_ask(void) {
  return clv_stop_wanted()
             ? clv_fail(CLV_EINTERRUPT, "interrupted; nothing of prepare is kept, run the same command again")
             : CLV_OK;
}

static clv_reading reading_of(const prepare *p, const clv_csv_files *files) {
  return (clv_reading){
      .comm = p->comm, .config = p->config, .files = files, .rejects = p->rejects, .stop = stop_ask};
}

static clv_status inputs_find(prepare *p) {
  clv_status st = CLV_OK;
  size_t     n;
  CLV_TRY(clv_csv_files_new(p->comm, "data.transactions", p->config->data.transactions.item,
                            p->config->data.transactions.n, &p->log));
  if (p->config->customers.table != NULL)
    CLV_TRY(clv_csv_files_new(p->comm, "customers.table", &p->config->customers.table, 1, &p->table));
  n  = clv_csv_files_n(p->log) + (p->table != NULL ? clv_csv_files_n(p->table) : 0);
  st = clv_alloc(n, sizeof *p->path, (void **)&p->path);
  if (st == CLV_OK) st = clv_rejects_new((uint32_t)clv_csv_files_n(p->log), &p->rejects);
  if (st == CLV_OK) st = clv_ledger_new(clv_transactions_keep_rows(p->config), &p->ledger);
  CLV_TRY(clv_comm_agree(p->comm, st));
  for (size_t i = 0; i < n; i++) {
    const size_t n_log = clv_csv_files_n(p->log);
    p->path[i] =
        i < n_log ? clv_csv_files_get(p->log, i)->path : clv_csv_files_get(p->table, i - n_log)->path;
  }
out:
  return st;
}

/* The policies that are to fail, on rank 0. */
static clv_status policies_check(const prepare *p) {
  clv_status st = CLV_OK;
  const struct policy {
    clv_policy  policy;
    clv_reject  first, last;
    const char *key;
  } all[] = {{p->config->data.bad_rows, CLV_REJECT_TOO_LONG, CLV_REJECT_LAST_BAD, "data.bad_rows"},
             {p->config->data.returns, CLV_REJECT_RETURN, CLV_REJECT_RETURN, "data.returns"},
             {p->config->data.zero_amounts, CLV_REJECT_ZERO, CLV_REJECT_ZERO, "data.zero_amounts"},
             {p->config->data.duplicates, CLV_REJECT_DUPLICATE, CLV_REJECT_DUPLICATE, "data.duplicates"}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (all[i].policy == CLV_FAIL)
      CLV_TRY(clv_rejects_fail(p->rejects, all[i].first, all[i].last, all[i].key, p->path));
out:
  return st;
}

static clv_status rejects_gather(prepare *p) {
  clv_status st;
  CLV_TRY(clv_rejects_gather(p->rejects, p->comm, CLV_OK, &p->reject));
  CLV_TRY(clv_comm_agree(p->comm, clv_comm_rank(p->comm) == 0 ? policies_check(p) : CLV_OK));
out:
  return st;
}

/* A log of which nothing can be used: say what is wrong with most rows. */
static clv_status log_is_empty(const prepare *p) {
  int most = 0;
  if (p->tally.rows == 0)
    return clv_fail(CLV_EDATA, "the log holds no rows: '%s' has a header and nothing else", p->path[0]);
  for (int i = 1; i < CLV_REJECT_N; i++)
    if (p->reject.log[i] > p->reject.log[most]) most = i;
  return clv_fail(
      CLV_EDATA,
      "none of the %lld rows of the log can be used; most often: %s (data.columns, data.time_format?)",
      (long long)p->tally.rows, clv_reject_phrase((clv_reject)most));
}

static clv_status log_read(prepare *p) {
  const clv_reading reading = reading_of(p, p->log);
  clv_status        st;
  CLV_TRY(clv_transactions_read(&reading, p->ledger, &p->tally));
  CLV_TRY(rejects_gather(p));
  if (p->tally.accepted == 0) CLV_TRY(log_is_empty(p));
  CLV_TRY(clv_history_rules_make(p->config, p->tally.last, &p->rules, &p->facts));
out:
  return st;
}

static clv_status draft_make(prepare *p) {
  clv_status           st;
  char                 first[CLV_TIME_TEXT_MAX], last[CLV_TIME_TEXT_MAX];
  const clv_reading    reading = reading_of(p, p->table);
  clv_portfolio_source source  = {
       .config = p->config, .rules = &p->rules, .ledger = &p->ledger, .rejects = p->rejects, .stop = stop_ask};
  CLV_TRY(clv_customers_read(&reading, &p->customers));
  source.customers = p->customers;
  CLV_TRY(clv_portfolio_draft_new(p->comm, &source, &p->draft));
  CLV_TRY(rejects_gather(p));
  if (clv_portfolio_draft_tally(p->draft)->customers > 0) goto out;
  clv_time_print(p->tally.first, true, first);
  clv_time_print(p->tally.last, true, last);
  st = clv_fail(
      CLV_EDATA,
      "no customer is left: the log runs from %s to %s, observation ends on %s, %lld customers begin "
      "later, %lld have no purchase left after returns, %lld were set aside by the customer table",
      first, last, p->facts.observation_end, (long long)clv_portfolio_draft_tally(p->draft)->late,
      (long long)clv_portfolio_draft_tally(p->draft)->cancelled,
      (long long)clv_customers_tally_get(p->customers)->set_aside);
out:
  return st;
}

/* The two small files by rank 0 under temporary names, then the portfolio, then their names. */
typedef struct outputs {
  char *folder, *portfolio, *report, *rejected, *report_part, *rejected_part; /* owned */
} outputs;

static void outputs_clear(outputs *o) {
  free(o->folder);
  free(o->portfolio);
  free(o->report);
  free(o->rejected);
  free(o->report_part);
  free(o->rejected_part);
}

static clv_status outputs_name(const clv_config *config, outputs *o) {
  clv_status st;
  CLV_TRY(clv_config_run_path(config, NULL, &o->folder));
  CLV_TRY(clv_config_run_path(config, "portfolio.h5", &o->portfolio));
  CLV_TRY(clv_config_run_path(config, "data_report.json", &o->report));
  CLV_TRY(clv_config_run_path(config, "rejected.csv", &o->rejected));
  CLV_TRY(clv_config_run_path(config, "data_report.json.part", &o->report_part));
  CLV_TRY(clv_config_run_path(config, "rejected.csv.part", &o->rejected_part));
out:
  return st;
}

static clv_status outputs_write(prepare *p, const outputs *o) {
  clv_status            st      = CLV_OK;
  const bool            is_root = clv_comm_rank(p->comm) == 0;
  const clv_data_report report  = {.config = p->config,
                                   .log    = &p->tally,
                                   .table  = p->table != NULL ? clv_customers_tally_get(p->customers) : NULL,
                                   .portfolio = clv_portfolio_draft_tally(p->draft),
                                   .facts     = &p->facts,
                                   .reject    = &p->reject,
                                   .n_file    = clv_csv_files_n(p->log)};
  if (is_root) st = clv_rejects_write(p->rejects, o->rejected_part, p->path);
  if (is_root && st == CLV_OK) st = clv_data_report_write(&report, o->report_part);
  CLV_TRY(clv_comm_agree(p->comm, st));
  CLV_TRY(clv_portfolio_draft_write(p->draft, p->comm, o->portfolio, &p->facts));
  if (is_root) st = clv_file_commit(o->rejected_part, o->rejected);
  if (is_root && st == CLV_OK) st = clv_file_commit(o->report_part, o->report);
  CLV_TRY(clv_comm_agree(p->comm, st));
  if (is_root && p->summary != NULL) clv_data_report_print(&report, p->summary);
out:
  if (is_root && st < 0) {
    unlink(o->rejected_part);
    unlink(o->report_part);
  }
  return st;
}

clv_status clv_prepare(const clv_comm *comm, const clv_config *config, FILE *summary) {
  clv_status st;
  prepare    p = {.comm = comm, .config = config, .summary = summary};
  outputs    o = {0};
  st           = outputs_name(config, &o);
  if (st == CLV_OK && clv_comm_rank(comm) == 0) st = clv_directory_make(o.folder);
  CLV_TRY(clv_comm_agree(comm, st));
  CLV_TRY(inputs_find(&p));
  CLV_TRY(log_read(&p));
  CLV_TRY(draft_make(&p));
  CLV_TRY(clv_comm_agree(comm, stop_ask()));
  CLV_TRY(outputs_write(&p, &o));
out:
  prepare_clear(&p);
  outputs_clear(&o);
  return st;
}

static clv_status prepare_run(const clv_job_context *context) {
  return clv_prepare(context->world, context->config, stdout);
}

const clv_job CLV_JOB_PREPARE = {
    .name    = "prepare",
    .summary = "read the transaction log; merge, check and count it into portfolio.h5",
    .usage =
        "Reads data.transactions and, where it is named, customers.table. Writes portfolio.h5 (one record "
        "per\n"
        "customer), data_report.json (what was read and what became of it) and rejected.csv (each row that "
        "was\n"
        "not used: file, line, reason) into the run directory. docs/data.md says what a log must look "
        "like.\n",
    .needs_config = true,
    .listens      = true,
    .run          = prepare_run,
};
