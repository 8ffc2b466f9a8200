#include "jobs/compare.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/blocks.h"
#include "io/customer_file.h"
#include "io/files.h"
#include "jobs/loo_totals.h"

enum {
  RUNS_MOST         = 32,
  PARTS             = 3,
  CUSTOMERS_AT_ONCE = 1 << 15,
  TEXT_MOST         = 64,
  PATH_MOST         = 4096,
  NOTES_MOST        = 8
};
enum { PURCHASES, SPEND, TOTAL };

static const char *const PART[PARTS] = {"purchases", "spend", "total"};

/* A run's loo.h5. */
typedef struct run {
  const char        *directory; /* borrowed from argv */
  clv_customer_file *file;      /* owned */
  char histories[TEXT_MOST], model[PARTS][TEXT_MOST], purchases_are[TEXT_MOST], spend_are[TEXT_MOST],
      time_unit[TEXT_MOST];
  double          threshold;     /* of Pareto k */
  clv_loo_totals  totals[PARTS]; /* owned */
  clv_loo_figures figures[PARTS];
  double         *elpd; /* owned [CUSTOMERS_AT_ONCE] */
} run;

/* Sums of the differences of two runs in one part. */
typedef struct difference {
  double sum, error;
} difference;

typedef struct compare {
  const clv_comm *world;
  const char     *json_path; /* borrowed; NULL: none */
  run            *run;       /* owned [n_run] */
  size_t          n_run;
  bool            has[PARTS];         /* every run has the part, and means the same by it */
  clv_exact_sum  *differences[PARTS]; /* owned: of each pair the difference and its square */
  double         *scratch;            /* owned [2][CUSTOMERS_AT_ONCE] p_loo and k */
  char            note[NOTES_MOST][512];
  size_t          n_note;
} compare;

static void compare_clear(compare *c) {
  for (size_t r = 0; c->run != NULL && r < c->n_run; r++) {
    clv_customer_file_close(&c->run[r].file);
    for (int p = 0; p < PARTS; p++) clv_loo_totals_free(&c->run[r].totals[p]);
    free(c->run[r].elpd);
  }
  for (int p = 0; p < PARTS; p++) clv_exact_sum_free(&c->differences[p]);
  free(c->run);
  free(c->scratch);
}

/* ---- which runs, and may they be compared? ---- */

static clv_status arguments_read(const clv_job_context *context, compare *c) {
  clv_status st = CLV_OK;
  CLV_TRY(clv_calloc((size_t)context->argc + 1, sizeof *c->run, (void **)&c->run));
  for (int i = 0; i < context->argc; i++) {
    const char *text = context->argv[i];
    if (strcmp(text, "--json") == 0 && i + 1 < context->argc)
      c->json_path = context->argv[++i];
    else if (text[0] == '-')
      return clv_fail(CLV_EUSAGE,
                      "clv compare does not know the argument '%.200s'; 'clv compare --help' explains", text);
    else
      c->run[c->n_run++].directory = text;
  }
  if (c->n_run < 2 || c->n_run > RUNS_MOST)
    return clv_fail(CLV_EUSAGE, "clv compare needs two to %d run directories: clv compare runs/a runs/b",
                    RUNS_MOST);
out:
  return st;
}

static clv_status run_open(compare *c, run *r) {
  char       path[PATH_MOST];
  int32_t    there = 0;
  clv_status st    = CLV_OK;
  if (snprintf(path, sizeof path, "%s/loo.h5", r->directory) >= (int)sizeof path)
    return clv_fail(CLV_EUSAGE, "the path '%.100s…' is too long", r->directory);
  if (clv_comm_rank(c->world) == 0) {
    FILE *file = fopen(path, "rb");
    there      = file != NULL;
    if (file != NULL) fclose(file);
  }
  clv_comm_broadcast(c->world, &there, sizeof there, 0);
  if (!there)
    return clv_fail(CLV_EUSAGE,
                    "there is no '%s': give the directory of a run, after clv loo with its configuration",
                    path);
  CLV_TRY(clv_customer_file_open(c->world, path, &r->file));
  snprintf(r->histories, TEXT_MOST, "%.63s", clv_customer_file_text(r->file, "histories"));
  snprintf(r->purchases_are, TEXT_MOST, "%.63s", clv_customer_file_text(r->file, "purchases_are"));
  snprintf(r->spend_are, TEXT_MOST, "%.63s", clv_customer_file_text(r->file, "spend_are"));
  snprintf(r->time_unit, TEXT_MOST, "%.63s", clv_customer_file_text(r->file, "time_unit"));
  snprintf(r->model[PURCHASES], TEXT_MOST, "%.63s", clv_customer_file_text(r->file, "purchases"));
  snprintf(r->model[SPEND], TEXT_MOST, "%.63s", clv_customer_file_text(r->file, "spend"));
  r->threshold = strtod(clv_customer_file_text(r->file, "pareto_k_threshold"), NULL);
  if (r->histories[0] == '\0')
    return clv_fail(CLV_EDATA, "'%s' is damaged or no file of this kind; make it again", path);
out:
  return st;
}

static void note_add(compare *c, const char *format, const run *a, const run *b) {
  if (c->n_note < NOTES_MOST)
    snprintf(c->note[c->n_note++], sizeof c->note[0], format, a->directory, b->directory);
}

/* Only like is compared with like: the same customers with the same histories, told as the same kind of
 * number. */
static clv_status runs_match(compare *c) {
  const run *first = &c->run[0];
  for (int p = 0; p < PARTS; p++) c->has[p] = true;
  for (size_t r = 1; r < c->n_run; r++) {
    const run *other = &c->run[r];
    if (strcmp(first->histories, other->histories) != 0 ||
        clv_customer_file_n(first->file) != clv_customer_file_n(other->file))
      return clv_fail(
          CLV_EUSAGE,
          "'%.200s' and '%.200s' are not about the same customers with the same histories: prepare both from "
          "the same log with the same data section",
          first->directory, other->directory);
    if (strcmp(first->purchases_are, other->purchases_are) != 0) {
      c->has[PURCHASES] = c->has[TOTAL] = false;
      note_add(c,
               "purchases of %.90s and %.90s are not compared: one gives densities of times, the other "
               "probabilities of opportunities",
               first, other);
    }
  }
  return CLV_OK;
}

/* All runs have a spend model. */
static void amounts_match(compare *c) {
  for (size_t r = 1; r < c->n_run; r++) {
    if (strcmp(c->run[0].spend_are, c->run[r].spend_are) == 0) continue;
    c->has[SPEND] = c->has[TOTAL] = false;
    note_add(c,
             "spend of %.80s and %.80s is not compared: one gives densities of mean amounts, the other of "
             "single amounts",
             &c->run[0], &c->run[r]);
  }
}

static void spend_match(compare *c) {
  const run *with = NULL, *without = NULL;
  for (size_t r = 0; r < c->n_run; r++)
    *(clv_customer_file_has(c->run[r].file, "elpd_spend") ? &with : &without) = &c->run[r];
  if (without == NULL) {
    amounts_match(c);
    return;
  }
  c->has[SPEND] = c->has[TOTAL] = false;
  if (with != NULL)
    note_add(c, "spend is not compared: %.110s has a spend model, %.110s has none", with, without);
}

static clv_status nothing_left(const compare *c) {
  for (int p = 0; p < PARTS; p++)
    if (c->has[p]) return CLV_OK;
  return clv_fail(CLV_EUSAGE, "these runs have nothing in common that can be compared: %s",
                  c->n_note > 0 ? c->note[0] : "no part is in all of them");
}

/* ---- sums ---- */

static size_t n_pair(const compare *c) { return c->n_run * (c->n_run - 1) / 2; }

/* Pairs (i, j), i < j, row by row. */
static size_t pair_of(const compare *c, size_t i, size_t j) {
  return i * c->n_run - i * (i + 1) / 2 + j - i - 1;
}

static clv_status rooms_make(compare *c) {
  clv_status st = CLV_OK;
  CLV_TRY(clv_alloc(2 * CUSTOMERS_AT_ONCE, sizeof *c->scratch, (void **)&c->scratch));
  for (int p = 0; p < PARTS; p++) CLV_TRY(clv_exact_sum_new(2 * n_pair(c), &c->differences[p]));
  for (size_t r = 0; r < c->n_run; r++) {
    CLV_TRY(clv_alloc(CUSTOMERS_AT_ONCE, sizeof *c->run[r].elpd, (void **)&c->run[r].elpd));
    for (int p = 0; p < PARTS; p++) CLV_TRY(clv_loo_totals_new(c->run[r].threshold, &c->run[r].totals[p]));
  }
out:
  return st;
}

static clv_status run_add(compare *c, run *r, int part, uint64_t first, uint64_t n) {
  static const char *const KIND[] = {"elpd", "p_loo", "pareto_k"};
  double                  *to[]   = {r->elpd, c->scratch, c->scratch + CUSTOMERS_AT_ONCE};
  clv_status               st     = CLV_OK;
  for (int k = 0; k < 3; k++) {
    char column[TEXT_MOST];
    snprintf(column, sizeof column, "%s_%s", KIND[k], PART[part]);
    CLV_TRY(clv_customer_file_read(r->file, column, first, n, to[k]));
  }
  for (uint64_t i = 0; i < n; i++) clv_loo_totals_add(&r->totals[part], to[0][i], to[1][i], to[2][i]);
out:
  return st;
}

static clv_status differences_add(compare *c, int part, uint64_t n) {
  for (size_t i = 0; i < c->n_run; i++)
    for (size_t j = i + 1; j < c->n_run; j++)
      for (uint64_t k = 0; k < n; k++) {
        const double a = c->run[i].elpd[k], b = c->run[j].elpd[k];
        if (isnan(a) != isnan(b))
          return clv_fail(
              CLV_EUSAGE,
              "the %s models of '%.200s' and '%.200s' were fitted to different customers: use the same "
              "data.min_transactions",
              PART[part], c->run[i].directory, c->run[j].directory);
        if (isnan(a)) continue;
        clv_exact_sum_add_at(c->differences[part], 2 * pair_of(c, i, j), a - b);
        clv_exact_sum_add_at(c->differences[part], 2 * pair_of(c, i, j) + 1, (a - b) * (a - b));
      }
  return CLV_OK;
}

/* This rank's customers. Not collective. */
static clv_status customers_add(compare *c) {
  uint64_t   first, last;
  clv_status st = CLV_OK;
  clv_slice_of(clv_customer_file_n(c->run[0].file), clv_comm_rank(c->world), clv_comm_size(c->world), &first,
               &last);
  for (uint64_t at = first; at < last; at += CUSTOMERS_AT_ONCE) {
    const uint64_t n = last - at < CUSTOMERS_AT_ONCE ? last - at : CUSTOMERS_AT_ONCE;
    for (int part = 0; part < PARTS; part++) {
      if (!c->has[part]) continue;
      for (size_t r = 0; r < c->n_run; r++) CLV_TRY(run_add(c, &c->run[r], part, at, n));
      CLV_TRY(differences_add(c, part, n));
    }
  }
out:
  return st;
}

/* ---- what the user sees ---- */

/* Runs from the best to the worst; those without a figure last. */
static void runs_rank(const compare *c, int part, size_t *order) {
  for (size_t i = 0; i < c->n_run; i++) {
    size_t k = i;
    for (; k > 0 && !(c->run[order[k - 1]].figures[part].elpd >= c->run[i].figures[part].elpd); k--)
      order[k] = order[k - 1];
    order[k] = i;
  }
}

/* elpd of run `at` less that of `best`. */
static difference difference_of(const compare *c, const double *total, int part, size_t best, size_t at) {
  if (best == at) return (difference){0.0, 0.0};
  const size_t pair = best < at ? pair_of(c, best, at) : pair_of(c, at, best);
  const double sum  = total[2 * pair];
  return (difference){best < at ? -sum : sum,
                      clv_sum_error((double)c->run[at].figures[part].n, sum, total[2 * pair + 1])};
}

static const char *model_of(const run *r, int part, char text[2 * TEXT_MOST + 4]) {
  if (part == TOTAL)
    snprintf(text, 2 * TEXT_MOST + 4, "%s + %s", r->model[PURCHASES], r->model[SPEND]);
  else
    snprintf(text, 2 * TEXT_MOST + 4, "%s", r->model[part]);
  return text;
}

static json_t *part_show(const compare *c, int part, const double *total) {
  size_t  order[RUNS_MOST], width = 3;
  json_t *list = json_array();
  char    text[2 * TEXT_MOST + 4];
  runs_rank(c, part, order);
  for (size_t i = 0; i < c->n_run; i++)
    width = strlen(c->run[i].directory) > width ? strlen(c->run[i].directory) : width;
  printf("%s, %lld customers\n  %-*s %-24s %14s %10s %9s %12s %10s %7s\n", PART[part],
         (long long)c->run[0].figures[part].n, (int)width, "run", "model", "elpd_loo", "se", "p_loo",
         "elpd_diff", "se_diff", "bad k");
  for (size_t i = 0; i < c->n_run; i++) {
    const run             *r   = &c->run[order[i]];
    const clv_loo_figures *f   = &r->figures[part];
    const difference       d   = difference_of(c, total, part, order[0], order[i]);
    const long long        bad = (long long)f->grade[2] + (long long)f->grade[3];
    printf("  %-*s %-24s %14.2f %10.2f %9.2f %12.2f %10.2f %7lld\n", (int)width, r->directory,
           model_of(r, part, text), f->elpd, f->se, f->p_loo, d.sum, d.error, bad);
    json_array_append_new(
        list, json_pack("{s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:I}", "run", r->directory, "model", text,
                        "elpd_loo", f->elpd, "se", f->se, "p_loo", f->p_loo, "elpd_diff", d.sum, "se_diff",
                        d.error, "bad_pareto_k", (json_int_t)bad));
  }
  return list;
}

static clv_status json_write(const compare *c, json_t *parts) {
  json_t *notes = json_array();
  for (size_t i = 0; i < c->n_note; i++) json_array_append_new(notes, json_string(c->note[i]));
  json_t    *root = json_pack("{s:O, s:o}", "parts", parts, "notes", notes);
  char      *text = root == NULL ? NULL : json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  clv_status st   = text == NULL ? clv_fail(CLV_ENOMEM, "no memory for '%s'", c->json_path)
                                 : clv_file_write(c->json_path, text, strlen(text));
  free(text);
  json_decref(root);
  return st;
}

static clv_status result_show(compare *c) {
  const bool root  = clv_comm_rank(c->world) == 0;
  json_t    *parts = json_object();
  double    *total = NULL;
  clv_status st    = clv_alloc(2 * n_pair(c), sizeof *total, (void **)&total);
  CLV_TRY(clv_comm_agree(c->world, st));
  for (int part = 0; part < PARTS; part++) {
    if (!c->has[part]) continue;
    for (size_t r = 0; r < c->n_run; r++)
      CLV_TRY(clv_loo_totals_finish(&c->run[r].totals[part], c->world, &c->run[r].figures[part]));
    CLV_TRY(clv_exact_sum_total(c->differences[part], c->world, total));
    if (root) json_object_set_new(parts, PART[part], part_show(c, part, total));
  }
  for (size_t i = 0; root && i < c->n_note; i++) printf("%s\n", c->note[i]);
  CLV_TRY(clv_comm_agree(c->world, root && c->json_path != NULL ? json_write(c, parts) : CLV_OK));
out:
  free(total);
  json_decref(parts);
  return st;
}

static clv_status compare_run(const clv_job_context *context) {
  compare    c  = {.world = context->world};
  clv_status st = CLV_OK;
  CLV_TRY(clv_comm_agree(c.world, arguments_read(context, &c)));
  for (size_t r = 0; r < c.n_run; r++) CLV_TRY(run_open(&c, &c.run[r]));
  CLV_TRY(runs_match(&c));
  spend_match(&c);
  CLV_TRY(nothing_left(&c));
  CLV_TRY(clv_comm_agree(c.world, rooms_make(&c)));
  CLV_TRY(clv_comm_agree(c.world, customers_add(&c)));
  CLV_TRY(result_show(&c));
out:
  compare_clear(&c);
  return st;
}

const clv_job CLV_JOB_COMPARE = {
    .name = "compare",
    .summary =
        "which of several runs predicts customers best: differences in elpd with their standard errors",
    .usage =
        "Arguments are run directories in which clv loo has been: clv compare runs/bg runs/pareto. The best "
        "is on "
        "top of\neach table; differences are paired customer by customer. Only what all runs have is "
        "compared: "
        "purchases, spend,\nand both together.\n\n"
        "  --json FILE   the tables as JSON\n",
    .takes_arguments = true,
    .run             = compare_run,
};
