#include "jobs/simulate.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "comm/blocks.h"
#include "engine/simulate/market.h"
#include "engine/simulate/traits.h"
#include "io/files.h"
#include "jobs/progress.h"
#include "jobs/simulate_options.h"

enum { CUSTOMERS_AT_ONCE = 1 << 16, ROW_MOST = 96, PATH_MOST = 4096 };
static const double DAYS_OF_WEEK = 7.0, SECONDS_OF_DAY = 86400.0;

/* What is simulated. */
typedef struct world {
  const clv_simulate_options *o;      /* borrowed */
  clv_market                 *market; /* owned */
} world;

/* As it is to this customer. */
static clv_shop shop_of(const world *w, uint64_t customer) {
  const clv_shop  *shop   = clv_market_shop(w->market, clv_market_segment(w->market, customer));
  const clv_traits traits = clv_traits_at(shop->seed, customer);
  return w->o->covariates ? clv_traits_shop(&traits, &w->o->effects, shop) : *shop;
}

/* Text that grows. */
typedef struct text {
  char  *bytes; /* owned */
  size_t n, room;
} text;

static clv_status text_room(text *t, size_t more) {
  clv_status st = CLV_OK;
  if (t->n + more <= t->room) return CLV_OK;
  const size_t room = 2 * t->room + more;
  CLV_TRY(clv_realloc(room, 1, (void **)&t->bytes));
  t->room = room;
out:
  return st;
}

static void put(text *t, char c) { t->bytes[t->n++] = c; }

/* `value` with at least `width` digits. */
static void put_number(text *t, uint64_t value, int width) {
  char digit[20];
  int  n = 0;
  do digit[n++] = (char)('0' + value % 10), value /= 10;
  while (value > 0);
  while (n < width) digit[n++] = '0';
  while (n > 0) put(t, digit[--n]);
}

static void put_id(text *t, uint64_t customer) {
  put(t, 'C');
  put_number(t, customer, 9);
}

static void put_segment(text *t, size_t segment) {
  put(t, 'S');
  put_number(t, segment + 1, 4);
}

static void put_date(text *t, int64_t day) {
  int year, month, of_month;
  clv_day_to_date(day, &year, &month, &of_month);
  put_number(t, (uint64_t)year, 4);
  put(t, '-');
  put_number(t, (uint64_t)month, 2);
  put(t, '-');
  put_number(t, (uint64_t)of_month, 2);
}

static void put_time(text *t, const clv_simulate_options *o, double weeks) {
  const double  days = weeks * DAYS_OF_WEEK, whole = floor(days);
  const int64_t second = (int64_t)((days - whole) * SECONDS_OF_DAY);
  put_date(t, o->start + (int64_t)whole);
  if (!o->continuous) return;
  put(t, 'T');
  put_number(t, (uint64_t)(second / 3600), 2);
  put(t, ':');
  put_number(t, (uint64_t)(second / 60 % 60), 2);
  put(t, ':');
  put_number(t, (uint64_t)(second % 60), 2);
}

/* Cents, never none: a zero amount would be another story for the policies of clv prepare. */
static void put_amount(text *t, double amount) {
  const double   cents = floor(amount * 100.0 + 0.5);
  const uint64_t n     = cents < 1.0 ? 1 : cents < 9e17 ? (uint64_t)cents : (uint64_t)9e17;
  put_number(t, n / 100, 1);
  put(t, '.');
  put_number(t, n % 100, 2);
}

/* Appends what one customer contributes to a file. */
typedef clv_status (*customer_writer)(text *t, const world *w, uint64_t customer);

static clv_status purchases_write(text *t, const world *w, uint64_t customer) {
  const clv_shop shop    = shop_of(w, customer);
  clv_shopper    shopper = clv_shopper_at(&shop, customer);
  double         time, amount;
  clv_status     st = CLV_OK;
  while (clv_shopper_buy(&shopper, &shop, &time, &amount)) {
    CLV_TRY(text_room(t, ROW_MOST));
    put_id(t, customer);
    put(t, ',');
    put_time(t, w->o, time);
    put(t, ',');
    put_amount(t, amount);
    put(t, '\n');
  }
out:
  return st;
}

static clv_status truth_write(text *t, const world *w, uint64_t customer) {
  const clv_shop shop    = shop_of(w, customer);
  clv_shopper    shopper = clv_shopper_at(&shop, customer);
  double         time, amount;
  uint64_t       observed = 0, later = 0;
  clv_status     st = CLV_OK;
  while (clv_shopper_buy(&shopper, &shop, &time, &amount)) *(time < shop.weeks ? &observed : &later) += 1;
  CLV_TRY(text_room(t, 3 * ROW_MOST));
  put_id(t, customer);
  t->n += (size_t)snprintf(t->bytes + t->n, 3 * ROW_MOST - 16, ",%.9g,%.9g,%.9g,", shopper.buying,
                           shopper.leaving, clv_shopper_mean_spend(&shopper));
  if (shop.spend->has_shapes) t->n += (size_t)snprintf(t->bytes + t->n, ROW_MOST, "%.9g,", shopper.shape);
  t->n += (size_t)snprintf(t->bytes + t->n, ROW_MOST, "%llu,%llu,%d\n", (unsigned long long)observed,
                           (unsigned long long)later, clv_shopper_stays(&shopper, &shop));
out:
  return st;
}

static clv_status customer_write(text *t, const world *w, uint64_t customer) {
  const clv_traits traits = clv_traits_at(w->o->shop.seed, customer);
  clv_status       st     = CLV_OK;
  CLV_TRY(text_room(t, ROW_MOST));
  put_id(t, customer);
  if (w->o->segments > 1) {
    put(t, ',');
    put_segment(t, clv_market_segment(w->market, customer));
  }
  if (w->o->covariates)
    t->n += (size_t)snprintf(t->bytes + t->n, ROW_MOST - 32, ",%d,%d,%s", traits.age, traits.club,
                             traits.channel);
  put(t, '\n');
out:
  return st;
}

/* A file of customers [first, last), and where it goes. */
typedef struct target {
  char            path[PATH_MOST], temporary[PATH_MOST];
  uint64_t        first, last;
  const char     *header;
  customer_writer writer;
} target;

static clv_status customers_write(text *t, const world *w, const target *to, uint64_t first, uint64_t last) {
  clv_status st = CLV_OK;
  t->n          = 0;
  for (uint64_t i = first; i < last && st == CLV_OK; i++) st = to->writer(t, w, i);
  return st;
}

static clv_status bytes_put(int file, const char *bytes, size_t n, int64_t at, const char *path) {
  for (size_t done = 0; done < n;) {
    const ssize_t wrote = pwrite(file, bytes + done, n - done, (off_t)(at + (int64_t)done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return clv_file_write_failed(path, wrote < 0 ? errno : ENOSPC);
    done += (size_t)wrote;
  }
  return CLV_OK;
}

/* The same bytes on any number of ranks: each round's customers are cut over the ranks, and each rank writes
 * its text behind the others'. */
static clv_status rounds_write(const clv_comm *comm, const world *w, const target *to, int file) {
  text       t  = {0};
  int64_t    at = (int64_t)strlen(to->header);
  clv_status st =
      clv_comm_rank(comm) == 0 ? bytes_put(file, to->header, strlen(to->header), 0, to->temporary) : CLV_OK;
  CLV_TRY(clv_comm_agree(comm, st));
  const uint64_t step = (uint64_t)CUSTOMERS_AT_ONCE * (uint64_t)clv_comm_size(comm);
  for (uint64_t begin = to->first; begin < to->last; begin += step) {
    const uint64_t n = to->last - begin < step ? to->last - begin : step;
    uint64_t       first, last;
    clv_slice_of(n, clv_comm_rank(comm), clv_comm_size(comm), &first, &last);
    st                   = customers_write(&t, w, to, begin + first, begin + last);
    const int64_t before = clv_comm_scan_before(comm, (int64_t)t.n);
    int64_t       all    = (int64_t)t.n;
    clv_comm_sum_i64(comm, &all, 1);
    if (st == CLV_OK) st = bytes_put(file, t.bytes, t.n, at + before, to->temporary);
    CLV_TRY(clv_comm_agree(comm, st));
    at += all;
  }
out:
  free(t.bytes);
  return st;
}

/* Rank 0 makes the file, all write into it, rank 0 gives it its name. Collective. */
static clv_status plain_write(const clv_comm *comm, const world *w, const target *to) {
  const bool root = clv_comm_rank(comm) == 0;
  int        file = -1;
  clv_status st   = CLV_OK;
  if (root && (file = open(to->temporary, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666)) < 0)
    st = clv_file_write_failed(to->temporary, errno);
  CLV_TRY(clv_comm_agree(comm, st));
  if (!root && (file = open(to->temporary, O_WRONLY | O_CLOEXEC)) < 0)
    st = clv_file_write_failed(to->temporary, errno);
  CLV_TRY(clv_comm_agree(comm, st));
  CLV_TRY(rounds_write(comm, w, to, file));
  if (close(file) != 0) st = clv_file_write_failed(to->temporary, errno);
  file = -1;
  CLV_TRY(clv_comm_agree(comm, st));
  if (root) st = clv_file_commit(to->temporary, to->path);
  CLV_TRY(clv_comm_agree(comm, st));
out:
  if (file >= 0) close(file);
  if (st < 0 && root) unlink(to->temporary);
  return st;
}

/* A compressed file is one stream: one rank writes all of it. Not collective. */
static clv_status gzip_write(const world *w, const target *to) {
  text       t    = {0};
  gzFile     file = gzopen(to->temporary, "wb6");
  clv_status st   = CLV_OK;
  if (file == NULL) return clv_file_write_failed(to->temporary, errno);
  errno = 0;
  if (gzputs(file, to->header) < 0) st = clv_file_write_failed(to->temporary, errno);
  for (uint64_t begin = to->first; begin < to->last && st == CLV_OK; begin += CUSTOMERS_AT_ONCE) {
    const uint64_t end = to->last - begin < CUSTOMERS_AT_ONCE ? to->last : begin + CUSTOMERS_AT_ONCE;
    st                 = customers_write(&t, w, to, begin, end);
    if (st == CLV_OK && t.n > 0 && gzfwrite(t.bytes, 1, t.n, file) != t.n)
      st = clv_file_write_failed(to->temporary, errno);
  }
  if (gzclose(file) != Z_OK && st == CLV_OK) st = clv_file_write_failed(to->temporary, errno);
  if (st == CLV_OK) st = clv_file_commit(to->temporary, to->path);
  if (st < 0) unlink(to->temporary);
  free(t.bytes);
  return st;
}

static void target_name(target *to, const char *folder, const char *file) {
  snprintf(to->path, sizeof to->path, "%s/%s", folder, file);
  snprintf(to->temporary, sizeof to->temporary, "%s/%s.part", folder, file);
}

static void log_name(const clv_simulate_options *o, uint64_t k, char *name, size_t size) {
  if (o->files == 1)
    snprintf(name, size, "transactions.csv%s", o->gzip ? ".gz" : "");
  else
    snprintf(name, size, "transactions-%05llu.csv%s", (unsigned long long)k, o->gzip ? ".gz" : "");
}

static clv_status logs_write(const clv_comm *comm, const world *w, clv_progress *progress) {
  const clv_simulate_options *o  = w->o;
  clv_status                  st = CLV_OK;
  for (uint64_t k = 0; k < o->files; k++) {
    target to = {.header = "customer_id,date,amount\n", .writer = purchases_write};
    char   name[64];
    log_name(o, k, name, sizeof name);
    target_name(&to, o->output, name);
    clv_slice_of(o->customers, (int)k, (int)o->files, &to.first, &to.last);
    if (!o->gzip)
      CLV_TRY(plain_write(comm, w, &to));
    else if (k % (uint64_t)clv_comm_size(comm) == (uint64_t)clv_comm_rank(comm) && st == CLV_OK)
      st = gzip_write(w, &to); /* agreed upon when all are done */
    clv_progress_update(progress, to.last, NULL);
  }
out:
  return clv_comm_agree(comm, st);
}

static json_t *parameters_json(const clv_shop *s) {
  json_t *all = json_object();
  for (size_t k = 0; k < clv_shop_n_parameter(s->model->parameter); k++)
    json_object_set_new(all, s->model->parameter[k], json_real(s->theta[k]));
  for (size_t k = 0; k < clv_shop_n_parameter(s->spend->parameter); k++)
    json_object_set_new(all, s->spend->parameter[k], json_real(s->money[k]));
  return all;
}

static json_t *segments_json(const world *w) {
  json_t *all = json_object();
  for (size_t g = 0; g < clv_market_n(w->market); g++) {
    char name[32];
    snprintf(name, sizeof name, "S%04zu", g + 1);
    json_object_set_new(all, name, parameters_json(clv_market_shop(w->market, g)));
  }
  return all;
}

static json_t *gammas_json(const clv_simulate_options *o) {
  json_t *all = json_object();
  for (size_t on = 0; on < CLV_ON_N; on++) {
    json_t *one = json_object();
    char    name[32];
    for (size_t k = 0; k < CLV_TRAITS_COLUMNS; k++)
      json_object_set_new(one, CLV_TRAITS_COLUMN[k], json_real(o->effects.gamma[on][k]));
    snprintf(name, sizeof name, CLV_GAMMA "%s", clv_acts_on_name((clv_acts_on)on));
    json_object_set_new(all, name, one);
  }
  return all;
}

static clv_status truth_json_write(const world *w) {
  const clv_simulate_options *o = w->o;
  const clv_shop             *s = &o->shop;
  char                        path[PATH_MOST];
  json_t                     *root =
      json_pack("{s:o, s:s, s:s, s:i, s:I, s:I, s:f, s:f, s:f, s:b}", "parameters", parameters_json(s),
                "model", s->model->name, "spend", s->spend->name, "erlang_k", s->phases, "customers",
                (json_int_t)o->customers, "seed", (json_int_t)s->seed, "weeks", s->weeks, "holdout",
                s->holdout, "acquisition", s->acquisition, "continuous", o->continuous);
  if (root != NULL && o->segments > 1) {
    json_object_set_new(root, "tau", json_real(o->tau));
    json_object_set_new(root, "segments", segments_json(w));
  }
  if (root != NULL && o->covariates) json_object_set_new(root, "covariates", gammas_json(o));
  char *dump = root == NULL ? NULL : json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
  snprintf(path, sizeof path, "%s/truth.json", o->output);
  clv_status st = dump == NULL ? clv_fail(CLV_ENOMEM, "no memory for '%s'", path)
                               : clv_file_write(path, dump, strlen(dump));
  free(dump);
  json_decref(root);
  return st;
}

static void date_print(int64_t day, char *out, size_t size) {
  int year, month, of_month;
  clv_day_to_date(day, &year, &month, &of_month);
  snprintf(out, size, "%04d-%02d-%02d", year, month, of_month);
}

static bool has_table(const clv_simulate_options *o) { return o->segments > 1 || o->covariates; }

/* The section on the customer table; "" without one. */
static void customers_print(const clv_simulate_options *o, const char *full, char *out, size_t size) {
  out[0] = '\0';
  if (has_table(o))
    snprintf(out, size, "customers:\n  table: \"%s/customers.csv\"\n%s%s", full,
             o->segments > 1 ? "  segment: segment\n" : "",
             o->covariates ? "  covariates: [age, club, channel]\n" : "");
}

/* What the section on the model has. */
static void model_print(const clv_simulate_options *o, char *out, size_t size) {
  char phases[32] = "", spend[64] = "";
  if (o->shop.model->has_phases) snprintf(phases, sizeof phases, ", erlang_k: %d", o->shop.phases);
  if (strcmp(o->shop.spend->name, "gamma_gamma") != 0)
    snprintf(spend, sizeof spend, ", spend: %s", o->shop.spend->name);
  snprintf(out, size, "purchases: %s%s%s", o->shop.model->name, phases, spend);
}

/* Runs as it is, from any directory: paths are absolute. */
static clv_status config_write(const clv_simulate_options *o, const char *folder) {
  char          path[PATH_MOST], end[32], last[32], *all = NULL, log[64], customers[PATH_MOST + 128];
  char         *full    = realpath(folder, NULL);
  const bool    by_week = o->shop.model->leaving == CLV_LEAVE_AT_OPPORTUNITY;
  char          model[192];
  const int64_t observed = o->start + (int64_t)floor(o->shop.weeks * DAYS_OF_WEEK) - 1;
  if (full == NULL) return clv_file_write_failed(folder, errno);
  model_print(o, model, sizeof model);
  log_name(o, 0, log, sizeof log);
  if (o->files > 1) snprintf(log, sizeof log, "transactions-*.csv%s", o->gzip ? ".gz" : "");
  date_print(observed, end, sizeof end);
  date_print(observed + (int64_t)floor(o->shop.holdout * DAYS_OF_WEEK), last, sizeof last);
  customers_print(o, full, customers, sizeof customers);
  const int n = asprintf(
      &all,
      "# A simulated shop; its truth is in truth.json and truth.csv.\nname: example\ndata:\n  transactions: "
      "\"%s/%s\"\n"
      "  columns: {customer: customer_id, time: date, amount: amount}\n  time_unit: week\n  merge_unit: %s\n"
      "  observation_end: %s\n%s%s%s%smodel: {%s}\npredict:\n  horizon: %g\n  discount_rate: "
      "0.10\n",
      full, log,
      by_week         ? "week"
      : o->continuous ? "instant"
                      : "day",
      end, o->shop.holdout > 0 ? "  holdout_end: " : "", o->shop.holdout > 0 ? last : "",
      o->shop.holdout > 0 ? "\n" : "", customers, model, o->shop.holdout > 0 ? o->shop.holdout : 39.0);
  snprintf(path, sizeof path, "%s/clv.yaml", folder);
  clv_status st =
      n < 0 ? clv_fail(CLV_ENOMEM, "no memory for '%s'", path) : clv_file_write(path, all, (size_t)n);
  free(n < 0 ? NULL : all);
  free(full);
  return st;
}

/* What was the case: of customers, of segments, of the shop. Collective. */
static clv_status truth_write_all(const clv_comm *comm, const world *w) {
  const bool            root  = clv_comm_rank(comm) == 0;
  const clv_shop_model *model = w->o->shop.model;
  char                  header[128], columns[64];
  target                truth = {.header = header, .writer = truth_write, .last = w->o->customers},
         table                = {.header = columns, .writer = customer_write, .last = w->o->customers};
  clv_status st               = CLV_OK;
  snprintf(header, sizeof header, "customer_id,%s,%s,mean_spend,%spurchases,holdout_purchases,alive\n",
           model->latent[0], model->latent[1], w->o->shop.spend->has_shapes ? "shape," : "");
  snprintf(columns, sizeof columns, "customer_id%s%s\n", w->o->segments > 1 ? ",segment" : "",
           w->o->covariates ? ",age,club,channel" : "");
  target_name(&truth, w->o->output, "truth.csv");
  target_name(&table, w->o->output, "customers.csv");
  CLV_TRY(plain_write(comm, w, &truth));
  if (has_table(w->o)) CLV_TRY(plain_write(comm, w, &table));
  if (root) st = truth_json_write(w);
  if (root && st == CLV_OK) st = config_write(w->o, w->o->output);
  CLV_TRY(clv_comm_agree(comm, st));
out:
  return st;
}

static clv_status simulate_run(const clv_job_context *context) {
  const clv_comm      *comm     = context->world;
  const bool           root     = clv_comm_rank(comm) == 0;
  clv_progress        *progress = NULL;
  clv_simulate_options o;
  world                w = {.o = &o};
  clv_status           st;
  CLV_TRY(clv_simulate_options_read(context->argc, context->argv, &o));
  CLV_TRY(clv_comm_agree(comm, clv_market_new(&o.shop, (size_t)o.segments, o.tau, o.unevenness, &w.market)));
  CLV_TRY(clv_comm_agree(comm, root ? clv_directory_make(o.output) : CLV_OK));
  CLV_TRY(clv_comm_agree(comm, clv_progress_new(comm, "simulate", o.customers, context->quiet, &progress)));
  CLV_TRY(logs_write(comm, &w, progress));
  clv_progress_finish(progress);
  CLV_TRY(truth_write_all(comm, &w));
  if (root)
    printf("%llu customers in %s; next: clv refit %s/clv.yaml\n", (unsigned long long)o.customers, o.output,
           o.output);
out:
  clv_progress_free(&progress);
  clv_market_free(&w.market);
  return st;
}

const clv_job CLV_JOB_SIMULATE = {
    .name            = "simulate",
    .summary         = "a transaction log of any size from known parameters, with the truth beside it",
    .usage           = CLV_SIMULATE_USAGE,
    .takes_arguments = true,
    .run             = simulate_run,
};
