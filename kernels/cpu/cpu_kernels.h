// The CPU backend's stages, collected in cpu_backend.c. Their contracts are in kernels/backend.h.
#ifndef PSAC_KERNELS_CPU_CPU_KERNELS_H
#define PSAC_KERNELS_CPU_CPU_KERNELS_H

#include "base/simd.h"
#include "kernels/backend.h"

// Drives of a step under the notebook's rule: drive [columns.n] from spikes [n_words].
void psac_cpu_notebook_drives(const psac_shard *shard, const uint64_t *spikes, int64_t *drive);

psac_status psac_cpu_build_receptive_fields(psac_stream *stream, psac_shard *shard, psac_rng_key key, float norm);
psac_status psac_cpu_find_sources(psac_stream *stream, psac_shard *shard, psac_rng_key key);
psac_status psac_cpu_count_targets(psac_stream *stream, psac_shard *shard, psac_rng_key key);
psac_status psac_cpu_place_targets(psac_stream *stream, psac_shard *shard, psac_rng_key key);
psac_status psac_cpu_initialise_weights(psac_stream *stream, psac_shard *shard, psac_rng_key key, float density,
                                        float mean, float sd);
psac_status psac_cpu_sum_words(psac_stream *stream, const psac_shard *shard);
psac_status psac_cpu_encode_retina(psac_stream *stream, const psac_shard *shard, psac_rng_key key, int first, int n,
                                   const psac_retina_trial *trials);
psac_status psac_cpu_reset_potentials(psac_stream *stream, const psac_shard *shard, int n_trials);
psac_status psac_cpu_prepare_middle(psac_stream *stream, const psac_shard *shard, int n_trials, int t);
psac_status psac_cpu_step_middle(psac_stream *stream, const psac_shard *shard, int n_trials, int t,
                                 const uint64_t *arriving, size_t rank_stride);
psac_status psac_cpu_count_spikes(psac_stream *stream, const psac_shard *shard, int n_trials, int64_t *counts);
psac_status psac_cpu_partial_drives(psac_stream *stream, const psac_shard *shard, int n_trials, int first, int n, int t,
                                    int n_steps, int64_t *drives);
psac_status psac_cpu_reset_readout(psac_stream *stream, const psac_readout *readout, int n_trials);
psac_status psac_cpu_step_readout(psac_stream *stream, const psac_shard *shard, const psac_readout *readout,
                                  int n_trials, int t, int n_steps);
psac_status psac_cpu_accumulate_eligibility(psac_stream *stream, const psac_shard *shard, int n_trials,
                                            float trace_decay, const uint64_t *output_spikes,
                                            const psac_third_factor *factors);
psac_status psac_cpu_apply_learning(psac_stream *stream, const psac_shard *shard, const psac_batch_factor *batch);
psac_status psac_cpu_sum_mean_squares(psac_stream *stream, const psac_shard *shard, int64_t *sum);
psac_status psac_cpu_judge_step(psac_stream *stream, const psac_shard *shard, const psac_readout *readout, int t,
                                const psac_reward *reward, psac_event *event);
psac_status psac_cpu_hebbian_step(psac_stream *stream, const psac_shard *shard, int n_trials, int trial, int t,
                                  const psac_event *event);
psac_status psac_cpu_accumulate_statistics(psac_stream *stream, const psac_shard *shard, int n_trials, int first, int n,
                                           const uint8_t *labels);
psac_status psac_cpu_project_weights(psac_stream *stream, const psac_shard *shard, int32_t reference,
                                     int64_t *projection);

#endif
