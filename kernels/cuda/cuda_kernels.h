// The CUDA backend's stages, collected in cuda_backend.cu. Their contracts are in kernels/backend.h.
#ifndef PSAC_KERNELS_CUDA_CUDA_KERNELS_H
#define PSAC_KERNELS_CUDA_CUDA_KERNELS_H

#include "kernels/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const psac_device_ops psac_cuda_device;

psac_status psac_cuda_build_receptive_fields(psac_stream *stream, psac_shard *shard, psac_rng_key key, float norm);
psac_status psac_cuda_find_sources(psac_stream *stream, psac_shard *shard, psac_rng_key key);
psac_status psac_cuda_count_targets(psac_stream *stream, psac_shard *shard, psac_rng_key key);
psac_status psac_cuda_place_targets(psac_stream *stream, psac_shard *shard, psac_rng_key key);
psac_status psac_cuda_initialise_weights(psac_stream *stream, psac_shard *shard, psac_rng_key key, float density,
                                         float mean, float sd);
psac_status psac_cuda_sum_words(psac_stream *stream, const psac_shard *shard);
psac_status psac_cuda_encode_retina(psac_stream *stream, const psac_shard *shard, psac_rng_key key, int first, int n,
                                    const psac_retina_trial *trials);
psac_status psac_cuda_reset_potentials(psac_stream *stream, const psac_shard *shard, int n_trials);
psac_status psac_cuda_prepare_middle(psac_stream *stream, const psac_shard *shard, int n_trials, int t);
psac_status psac_cuda_step_middle(psac_stream *stream, const psac_shard *shard, int n_trials, int t,
                                  const uint64_t *arriving, size_t rank_stride);
int psac_cuda_can_present(const psac_shard *shard);
psac_status psac_cuda_present_middle(psac_stream *stream, const psac_shard *shard, int n_trials, int delay);
psac_status psac_cuda_count_spikes(psac_stream *stream, const psac_shard *shard, int n_trials, int64_t *counts);
psac_status psac_cuda_partial_drives(psac_stream *stream, const psac_shard *shard, int n_trials, int first, int n,
                                     int t, int n_steps, int64_t *drives);
psac_status psac_cuda_reset_readout(psac_stream *stream, const psac_readout *readout, int n_trials);
psac_status psac_cuda_step_readout(psac_stream *stream, const psac_shard *shard, const psac_readout *readout,
                                   int n_trials, int t, int n_steps);
psac_status psac_cuda_accumulate_eligibility(psac_stream *stream, const psac_shard *shard, int n_trials,
                                             float trace_decay, const uint64_t *output_spikes,
                                             const psac_third_factor *factors);
psac_status psac_cuda_apply_learning(psac_stream *stream, const psac_shard *shard, const psac_batch_factor *batch);
psac_status psac_cuda_sum_mean_squares(psac_stream *stream, const psac_shard *shard, int64_t *sum);
psac_status psac_cuda_judge_step(psac_stream *stream, const psac_shard *shard, const psac_readout *readout, int t,
                                 const psac_reward *reward, psac_event *event);
psac_status psac_cuda_hebbian_step(psac_stream *stream, const psac_shard *shard, int n_trials, int trial, int t,
                                   const psac_event *event);
psac_status psac_cuda_accumulate_statistics(psac_stream *stream, const psac_shard *shard, int n_trials, int first,
                                            int n, const uint8_t *labels);
psac_status psac_cuda_project_weights(psac_stream *stream, const psac_shard *shard, int32_t reference,
                                      int64_t *projection);

#ifdef __cplusplus
}
#endif
#endif
