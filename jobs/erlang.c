#include "jobs/erlang.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/models/cnbd.h"
#include "io/files.h"
#include "jobs/erlang_candidate.h"
#include "jobs/version.h"

enum { MOST = CLV_ERLANG_MOST, FALLS = 2 };

/* What the choice depends on, beside the data. */
static const char *const MATTERS[] = {"model",
                                      "data.rescale_factor",
                                      "data.min_transactions",
                                      "sampler.target_accept",
                                      "sampler.max_tree_depth",
                                      "sampler.seed"};

typedef struct choice {
  const clv_job_context *context;
  clv_portfolio         *portfolio;                                   /* owned, open on the world */
  char                  *portfolio_path, *path, *part_path, *matters; /* owned */
  clv_erlang_candidate   candidate[MOST];                             /* owned parts */
  size_t                 n, best;
} choice;

static bool is_root(const choice *c) { return clv_comm_rank(c->context->world) == 0; }

static void choice_clear(choice *c) {
  for (size_t i = 0; i < MOST; i++) clv_theta_free(&c->candidate[i].theta);
  clv_portfolio_close(&c->portfolio);
  free(c->portfolio_path), free(c->path), free(c->part_path), free(c->matters);
}

bool clv_erlang_is_open(const clv_config *config) {
  const size_t length = strlen(config->model.purchases);
  return config->model.plugin == NULL && config->model.erlang_k == 0 && length > 6 &&
         strcmp(config->model.purchases + length - 6, "cnbd_k") == 0;
}

static clv_status choice_name(choice *c) {
  const clv_config *config = c->context->config;
  clv_status        st;
  CLV_TRY(clv_config_run_path(config, "portfolio.h5", &c->portfolio_path));
  CLV_TRY(clv_config_run_path(config, "erlang_k.json", &c->path));
  CLV_TRY(clv_config_run_path(config, "erlang_k.json.part", &c->part_path));
  CLV_TRY(clv_config_extract(config, MATTERS, sizeof MATTERS / sizeof *MATTERS, &c->matters));
out:
  return st;
}

/* ---- what is kept ---- */

static const char *text_of(const json_t *root, const char *key) {
  const char *text = json_string_value(json_object_get(root, key));
  return text == NULL ? "" : text;
}

/* The file, where it is about this portfolio, configuration and version; else NULL. On rank 0. */
static json_t *kept_load(const choice *c, const char *path) {
  json_t *root = json_load_file(path, 0, NULL);
  if (strcmp(text_of(root, "portfolio"), clv_portfolio_facts_get(c->portfolio)->content) == 0 &&
      strcmp(text_of(root, "configuration"), c->matters) == 0 &&
      strcmp(text_of(root, "version"), clv_version_text()) == 0)
    return root;
  json_decref(root);
  return NULL;
}

static clv_status json_save(json_t *root, const char *path) {
  char      *text = root == NULL ? NULL : json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  clv_status st   = text == NULL ? clv_fail(CLV_ENOMEM, "no memory for '%s'", path)
                                 : clv_file_write(path, text, strlen(text));
  free(text);
  json_decref(root);
  return st;
}

static json_t *head_json(const choice *c) {
  return json_pack("{s:s, s:s, s:s}", "portfolio", clv_portfolio_facts_get(c->portfolio)->content,
                   "configuration", c->matters, "version", clv_version_text());
}

static size_t theta_n(const clv_theta *theta) {
  return theta->n_draw * theta->n_segment * theta->n_parameter;
}

/* Draws of the candidates that are done, so that an interruption costs at most one. */
static clv_status part_save(const choice *c) {
  json_t *root = head_json(c), *list = json_array();
  for (size_t i = 0; i < c->n; i++) {
    const clv_erlang_candidate *a     = &c->candidate[i];
    json_t                     *draws = json_array();
    for (size_t j = 0; j < theta_n(&a->theta); j++)
      json_array_append_new(draws, json_real(a->theta.value[j]));
    json_array_append_new(
        list, json_pack("{s:i, s:I, s:I, s:I, s:f, s:o}", "k", a->k, "n_draw", (json_int_t)a->theta.n_draw,
                        "n_segment", (json_int_t)a->theta.n_segment, "n_parameter",
                        (json_int_t)a->theta.n_parameter, "efficiency", a->efficiency, "draws", draws));
  }
  json_object_set_new(root, "candidates", list);
  return json_save(root, c->part_path);
}

static size_t size_of(const json_t *entry, const char *key) {
  const json_int_t value = json_integer_value(json_object_get(entry, key));
  return value > 0 && value <= 1 << 20 ? (size_t)value : 0;
}

static clv_status candidate_read(const json_t *entry, clv_erlang_candidate *out) {
  const json_t *draws = json_object_get(entry, "draws");
  clv_theta     theta = {.n_draw      = size_of(entry, "n_draw"),
                         .n_segment   = size_of(entry, "n_segment"),
                         .n_parameter = size_of(entry, "n_parameter")};
  clv_status    st    = CLV_OK;
  if (theta_n(&theta) == 0 || json_array_size(draws) != theta_n(&theta))
    return CLV_OK; /* it is fitted again */
  CLV_TRY(clv_alloc(theta_n(&theta), sizeof *theta.value, (void **)&theta.value));
  for (size_t j = 0; j < theta_n(&theta); j++) theta.value[j] = json_real_value(json_array_get(draws, j));
  out->k          = (int)json_integer_value(json_object_get(entry, "k"));
  out->efficiency = json_real_value(json_object_get(entry, "efficiency"));
  out->theta      = theta;
out:
  return st;
}

/* Candidates in order of k from 1 on, as they were saved. */
static clv_status part_read(choice *c) {
  json_t       *root = kept_load(c, c->part_path);
  const json_t *list = json_object_get(root, "candidates");
  clv_status    st   = CLV_OK;
  for (size_t i = 0; i < json_array_size(list) && i < MOST && st == CLV_OK; i++) {
    st = candidate_read(json_array_get(list, i), &c->candidate[i]);
    if (c->candidate[i].theta.value == NULL || c->candidate[i].k != (int)i + 1) break;
  }
  json_decref(root);
  return st;
}

/* Rank 0 reads, all get the same. */
static clv_status part_restore(choice *c) {
  const clv_comm *world = c->context->world;
  clv_status      st    = CLV_OK;
  CLV_TRY(clv_comm_agree(world, is_root(c) ? part_read(c) : CLV_OK));
  for (size_t i = 0; i < MOST; i++) {
    clv_erlang_candidate *a      = &c->candidate[i];
    double               *value  = a->theta.value;
    int32_t               is_one = value != NULL && a->k == (int)i + 1;
    clv_comm_broadcast(world, &is_one, sizeof is_one, 0);
    if (!is_one) { /* what lies behind a gap is of no use */
      for (size_t j = i; j < MOST; j++) clv_theta_free(&c->candidate[j].theta);
      break;
    }
    clv_comm_broadcast(world, a, sizeof *a, 0);
    a->theta.value = value;
    if (!is_root(c)) st = clv_alloc(theta_n(&a->theta), sizeof *value, (void **)&a->theta.value);
    CLV_TRY(clv_comm_agree(world, st));
    clv_comm_broadcast(world, a->theta.value, theta_n(&a->theta) * sizeof *value, 0);
  }
out:
  return st;
}

static clv_status outcome_save(const choice *c) {
  json_t *root = head_json(c), *list = json_array();
  for (size_t i = 0; i < c->n; i++) {
    const clv_erlang_candidate *a = &c->candidate[i];
    json_array_append_new(list, json_pack("{s:i, s:f, s:f, s:f, s:f, s:f, s:I}", "erlang_k", a->k, "elpd_loo",
                                          a->figures.elpd, "se", a->figures.se, "p_loo", a->figures.p_loo,
                                          "elpd_diff", a->diff, "se_diff", a->diff_se, "bad_pareto_k",
                                          (json_int_t)a->figures.grade[2] + (json_int_t)a->figures.grade[3]));
  }
  json_object_set_new(root, "erlang_k", json_integer(c->candidate[c->best].k));
  json_object_set_new(root, "draws", json_integer((json_int_t)c->candidate[0].theta.n_draw));
  json_object_set_new(root, "candidates", list);
  return json_save(root, c->path);
}

static int kept_k(const json_t *root) {
  const json_int_t k = json_integer_value(json_object_get(root, "erlang_k"));
  return k >= 1 && k <= MOST ? (int)k : 0;
}

/* A choice made before for the same data and configuration; 0 where there is none. */
static int outcome_read(const choice *c) {
  int32_t k = 0;
  if (is_root(c)) {
    json_t *root = kept_load(c, c->path);
    k            = kept_k(root);
    json_decref(root);
  }
  clv_comm_broadcast(c->context->world, &k, sizeof k, 0);
  return k;
}

clv_status clv_erlang_recall(const clv_comm *comm, const clv_config *config, int *k) {
  char      *path  = NULL;
  int32_t    found = 0;
  clv_status st    = clv_config_run_path(config, "erlang_k.json", &path);
  if (st == CLV_OK && clv_comm_rank(comm) == 0) {
    json_t *root = json_load_file(path, 0, NULL);
    found        = kept_k(root);
    json_decref(root);
    if (found == 0)
      st = clv_fail(
          CLV_EUSAGE,
          "model.erlang_k is auto, and '%s' does not say which k was chosen: run clv fit, which makes it",
          path);
  }
  CLV_TRY(clv_comm_agree(comm, st));
  clv_comm_broadcast(comm, &found, sizeof found, 0);
  *k = found;
out:
  free(path);
  return st;
}

/* ---- the search ---- */

static void say(const choice *c, const char *sentence) {
  if (is_root(c) && !c->context->quiet) fprintf(stderr, "fit: %s\n", sentence);
}

static clv_status candidate_do(choice *c) {
  clv_erlang_candidate *now = &c->candidate[c->n];
  char                  line[128];
  clv_status            st = CLV_OK;
  if (now->theta.value == NULL) CLV_TRY(clv_erlang_candidate_fit(c->context, (int)c->n + 1, now));
  c->n++;
  CLV_TRY(clv_comm_agree(c->context->world, is_root(c) ? part_save(c) : CLV_OK));
  CLV_TRY(clv_erlang_candidates_score(c->context, c->portfolio, c->candidate, c->n, NULL));
  snprintf(line, sizeof line, "erlang_k %d: elpd of purchases %.2f", now->k, now->figures.elpd);
  say(c, line);
out:
  return st;
}

static void outcome_say(const choice *c) {
  const clv_erlang_candidate *best = &c->candidate[c->best], *next = NULL;
  char                        line[200];
  for (size_t i = 0; i < c->n; i++)
    if (i != c->best && (next == NULL || c->candidate[i].figures.elpd > next->figures.elpd))
      next = &c->candidate[i];
  CLV_CHECK(next != NULL);
  snprintf(line, sizeof line,
           "erlang_k %d of 1 to %zu chosen: elpd above that of %d by %.2f (standard error %.2f)%s", best->k,
           c->n, next->k, -next->diff, next->diff_se,
           -next->diff < 2.0 * next->diff_se ? "; these data hardly tell them apart" : "");
  say(c, line);
}

static clv_status search(choice *c) {
  size_t     falls = 0;
  clv_status st    = CLV_OK;
  CLV_TRY(part_restore(c));
  while (c->n < MOST && falls < FALLS) {
    CLV_TRY(candidate_do(c));
    const size_t now = c->n - 1;
    falls = now > 0 && !(c->candidate[now].figures.elpd > c->candidate[c->best].figures.elpd) ? falls + 1 : 0;
    if (falls == 0) c->best = now;
  }
  CLV_TRY(clv_erlang_candidates_score(c->context, c->portfolio, c->candidate, c->n, &c->best));
  outcome_say(c);
  if (is_root(c)) {
    st = outcome_save(c);
    if (st == CLV_OK && unlink(c->part_path) != 0 && errno != ENOENT)
      st = clv_file_write_failed(c->part_path, errno);
  }
  CLV_TRY(clv_comm_agree(c->context->world, st));
out:
  return st;
}

clv_status clv_erlang_choose(const clv_job_context *context, bool fresh, int *k) {
  choice     c  = {.context = context};
  clv_status st = CLV_OK;
  CLV_TRY(clv_comm_agree(context->world, choice_name(&c)));
  CLV_TRY(clv_portfolio_open(context->world, c.portfolio_path, &c.portfolio));
  *k = fresh ? 0 : outcome_read(&c);
  if (*k > 0) goto out;
  if (fresh && is_root(&c)) unlink(c.part_path);
  st = search(&c);
  if (st == CLV_EINTERRUPT) {
    clv_message_clear();
    st = clv_fail(CLV_EINTERRUPT,
                  "interrupted while choosing model.erlang_k; %zu candidates are done and saved, run the "
                  "same command again to go on",
                  c.n);
  }
  if (st == CLV_OK) *k = c.candidate[c.best].k;
out:
  choice_clear(&c);
  return st;
}
