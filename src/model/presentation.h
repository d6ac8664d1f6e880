// The stages of one presentation that both networks share, and how a device is prepared for them.
#ifndef PSAC_MODEL_PRESENTATION_H
#define PSAC_MODEL_PRESENTATION_H

#include "src/model/network_parts.h"

// Retina and middle layer for n trials concurrently: fills shard.retina_spikes and shard.spikes. Collective.
psac_status psac_network_simulate_middle(psac_network *network, const psac_trial *trials, int n);

// Output and critic layers for the simulated trials: fills readout on rank 0. Collective.
psac_status psac_network_simulate_readout(psac_network *network, int n);

// Lets NCCL connect and take its memory at the start, for messages as long as the run's, by a presentation of silent
// trials; nothing where no GPUs are connected. The state is as before. Collective; a rank that fails leaves the others
// waiting for it.
psac_status psac_network_warm_up(psac_network *network);

// Makes the recording of n_concurrent trials (simulation.cuda_graph), so that it takes its memory now; PSAC_ERR_MEMORY
// where there is too little. Nothing where there is none to make. Needs a warm network. Not collective.
psac_status psac_network_record(psac_network *network);

#endif
