#ifndef CLV_ENGINE_MODELS_BG_FAMILY_H
#define CLV_ENGINE_MODELS_BG_FAMILY_H

#include <stdbool.h>

#include "engine/models/hierarchy.h"
#include "engine/models/batch.h"
#include "engine/models/process.h"
#include "engine/models/purchases.h"

/** BG/NBD, customers integrated out (Fader, Hardie & Lee 2005, Marketing Science 24(2), eq. 6): a customer
 * may leave after each repeat purchase. Overrides of priors by r, alpha, a, b. As clv_purchases_new. */
clv_status clv_bg_nbd_new(const clv_purchase_data *data, clv_model *out);

/** MBG/NBD (Batislam, Denizel & Filiztekin 2007, IJRM 24(3); Wagner & Hoppe 2008): he may leave after the
 * first purchase too. */
clv_status clv_mbg_nbd_new(const clv_purchase_data *data, clv_model *out);

/** What every member of the family shares beyond its likelihood: coordinates of r, alpha, a, b and default
 * priors. Collective over data->comm. @param likelihood  taken over on success (emptied) */
clv_status clv_bg_hierarchy_new(const char *name, const clv_purchase_data *data, clv_likelihood *likelihood,
                                clv_model *out);

extern const clv_coordinates CLV_BG_COORDINATES;

/** clv_process_ops.p_alive_draws of the family. @param early  he may leave after the first purchase too. Not
 * collective. */
void clv_bg_alive_draws(const double *theta, size_t stride, size_t n_draw, const clv_customer *who,
                        bool early, double *alive);

/** Of customers under parameters of their own, for the whole family. */
clv_batch_gradient clv_bg_batch_gradient;

/** Covariates: the purchase rate by alpha, dropout by a and b alike. */
enum { CLV_BG_EFFECTS = 2 };
extern const clv_effect CLV_BG_EFFECT[CLV_BG_EFFECTS];

extern const clv_process_ops CLV_BG_NBD_PROCESS, CLV_MBG_NBD_PROCESS;

#endif
