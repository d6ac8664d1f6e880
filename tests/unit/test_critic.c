// critic: decision, value, TD error and third factors of one trial, and what the critic learns from a batch.
#include "check.h"
#include "src/model/critic.h"

enum { N = 10, N_CRITIC = 4 };

static psac_config config;
static psac_critic critic;
static const int32_t silent[PSAC_MAX_PLASTIC];
static const int32_t counts[PSAC_MAX_PLASTIC] = {3, 0, 12, 7, 12, 1, 0, 5, 2, 11};  // outputs 2 and 4 tie

static int start(void **state) {
  (void)state;
  if (psac_config_defaults(&config) != PSAC_OK) return -1;
  config.output_layer.num_neurons = N;
  config.actor_critic.num_critic_neurons = N_CRITIC;
  psac_critic_init(&critic, &config);
  return 0;
}

static void test_decision_is_the_largest_count_and_the_lowest_index_on_a_tie(void **state) {
  (void)state;
  assert_int_equal(psac_decide(counts, N), 2);
  assert_int_equal(psac_decide(counts + 3, N - 3), 1);
  assert_int_equal(psac_decide(silent, N), 0);
  assert_int_equal(psac_decide(counts, 1), 0);
}

static void test_policy_is_the_softmax_of_the_counts(void **state) {
  (void)state;
  const psac_judgement judgement = psac_critic_judge(&critic, &config, counts, silent, 2);
  double expected[N], sum = 0.0, total = 0.0;
  for (int o = 0; o < N; o++) sum += expected[o] = exp(counts[o] / config.learning.policy_temperature);
  for (int o = 0; o < N; o++) {
    assert_near((double)judgement.policy[o], expected[o] / sum, 2e-6);
    total += (double)judgement.policy[o];
  }
  assert_near(total, 1.0, 1e-6);
  assert_true(judgement.policy[2] == judgement.policy[4]);
}

static void test_policy_of_extreme_counts_is_a_distribution(void **state) {
  (void)state;
  int32_t extreme[PSAC_MAX_PLASTIC] = {1000000, 0, 1000000};
  const psac_judgement judgement = psac_critic_judge(&critic, &config, extreme, silent, 0);
  assert_near((double)judgement.policy[0], 0.5, 1e-6);
  assert_true(judgement.policy[1] == 0.0f);
  assert_true(judgement.value > 0.0 && judgement.value < 1.0);
}

static void test_reward_is_one_for_the_label_and_zero_otherwise(void **state) {
  (void)state;
  for (int label = 0; label < N; label++) {
    const psac_judgement judgement = psac_critic_judge(&critic, &config, counts, silent, label);
    assert_int_equal(judgement.action, 2);
    assert_true(judgement.reward == (label == 2 ? 1.0 : 0.0));
    assert_true(judgement.td_error == judgement.reward - judgement.value);
  }
}

static void test_initial_value_is_the_probability_of_the_action(void **state) {
  (void)state;
  const psac_judgement judgement = psac_critic_judge(&critic, &config, counts, silent, 2);
  assert_near(judgement.value, (double)judgement.policy[2], 2e-6);
}

// V = sigmoid(alpha logit(pi_a) + kappa (C / C_0 - 1) + beta)
static void test_value_follows_certainty_critic_and_bias(void **state) {
  (void)state;
  const int32_t critic_counts[PSAC_MAX_PLASTIC] = {8, 4, 0, 4};
  critic = (psac_critic){.alpha = 0.7, .beta = -0.4, .kappa = 1.5, .mean_count = 5.0};
  const psac_judgement judgement = psac_critic_judge(&critic, &config, counts, critic_counts, 2);
  const double p = (double)judgement.policy[2];
  const double x = 0.7 * log(p / (1.0 - p)) + 1.5 * (4.0 / 5.0 - 1.0) - 0.4;
  assert_near(judgement.value, 1.0 / (1.0 + exp(-x)), 3e-6);
}

static void test_value_stays_between_zero_and_one(void **state) {
  (void)state;
  static const double betas[] = {-1e30, -1e3, 1e3, 1e30};
  for (size_t k = 0; k < COUNT(betas); k++) {
    critic.beta = betas[k];
    const double value = psac_critic_judge(&critic, &config, counts, silent, 2).value;
    assert_true(value >= 0.0 && value <= 1.0);
    assert_near(value, betas[k] > 0.0, 1e-9);
  }
}

static psac_judgement learn(int label, double activity, psac_third_factor *factor, psac_batch_factor *batch) {
  const psac_judgement judgement = psac_critic_judge(&critic, &config, counts, silent, label);
  *factor = psac_critic_third_factor(&config, &judgement, counts);
  psac_critic_learn(&critic, &config, &judgement, counts, silent, activity, batch);
  return judgement;
}

// k_o = 2 delta (1[o = a] - pi_o) / (c_o + 1)
static void test_third_factors_follow_the_policy_gradient(void **state) {
  (void)state;
  psac_third_factor factor = {0};
  psac_batch_factor batch = {0};
  const psac_judgement judgement = learn(7, 0.0, &factor, &batch);
  double sum = 0.0;
  for (int o = 0; o < N; o++) {
    const double gradient = (o == 2) - (double)judgement.policy[o];
    assert_near((double)factor.output[o], 2.0 * judgement.td_error * gradient / (counts[o] + 1), 1e-6);
    sum += (double)factor.output[o] * (counts[o] + 1);
  }
  assert_near(sum, 0.0, 1e-6);
  assert_near((double)factor.critic, judgement.td_error, 1e-6);
}

static void test_reward_favours_the_action_and_its_absence_disfavours_it(void **state) {
  (void)state;
  for (int rewarded = 0; rewarded < 2; rewarded++) {
    psac_third_factor factor = {0};
    psac_batch_factor batch = {0};
    learn(rewarded ? 2 : 3, 0.0, &factor, &batch);
    for (int o = 0; o < N; o++) assert_int_equal(factor.output[o] > 0.0f, (o == 2) == rewarded);
  }
}

// sum over trials of k_o alpha_b c_o tau_plus / (T - t_skip)
static void test_presynaptic_targets_add_up_over_the_batch(void **state) {
  (void)state;
  static const double activity[2] = {1.25, 0.5};
  static const int labels[2] = {2, 6};
  psac_batch_factor batch = {0};
  double expected[N] = {0}, expected_critic = 0.0;
  for (int b = 0; b < 2; b++) {
    psac_third_factor factor = {0};
    const psac_judgement judgement = learn(labels[b], activity[b], &factor, &batch);
    for (int o = 0; o < N; o++) expected[o] += (double)factor.output[o] * activity[b] * counts[o] * 20.0 / 1000.0;
    expected_critic += judgement.td_error * activity[b];
  }
  for (int o = 0; o < N; o++) assert_near((double)batch.target[o], expected[o], 1e-6);
  assert_near((double)batch.critic_target, expected_critic, 1e-6);
}

static void test_running_mean_is_an_average_at_first_and_exponential_later(void **state) {
  (void)state;
  assert_true(psac_running_mean_weight(0.002, 0, 64) == 1.0);
  assert_near(psac_running_mean_weight(0.002, 64, 64), 0.5, 1e-12);
  assert_near(psac_running_mean_weight(0.002, 1000000, 1), 0.002, 1e-12);
  assert_near(psac_running_mean_weight(0.002, 1000000, 64), 1.0 - pow(0.998, 64), 1e-12);
  assert_near(psac_running_mean_weight(1.0, 1000000, 1), 1.0, 1e-12);
}

static void test_scalars_move_along_the_td_error_at_the_end_of_a_batch(void **state) {
  (void)state;
  const int32_t critic_counts[PSAC_MAX_PLASTIC] = {8, 4, 0, 4};
  critic.mean_count = 5.0;
  critic.n_trials = 10;
  const psac_critic before = critic;
  const psac_judgement judgement = psac_critic_judge(&critic, &config, counts, critic_counts, 2);
  psac_batch_factor batch = {0};
  psac_critic_learn(&critic, &config, &judgement, counts, critic_counts, 1.0, &batch);
  assert_true(critic.alpha == before.alpha && critic.beta == before.beta && critic.kappa == before.kappa);
  psac_critic_end_batch(&critic, &config, 1);
  const double p = (double)judgement.policy[2], rate = config.actor_critic.value_rate;
  assert_near(critic.alpha - before.alpha, rate * judgement.td_error * log(p / (1.0 - p)), 1e-8);
  assert_near(critic.beta - before.beta, rate * judgement.td_error, 1e-12);
  assert_near(critic.kappa - before.kappa, rate * judgement.td_error * (4.0 / 5.0 - 1.0), 1e-12);
  assert_near(critic.mean_count, 5.0 + (4.0 - 5.0) / 11.0, 1e-12);
  assert_int_equal(critic.n_trials, 11);
}

static void test_a_batch_leaves_nothing_to_the_next(void **state) {
  (void)state;
  psac_third_factor factor = {0};
  psac_batch_factor batch = {0};
  learn(2, 1.0, &factor, &batch);
  psac_critic_end_batch(&critic, &config, 1);
  const psac_critic before = critic;
  psac_critic_end_batch(&critic, &config, 1);
  assert_true(critic.alpha == before.alpha && critic.beta == before.beta && critic.kappa == before.kappa);
}

#define TEST(name) cmocka_unit_test_setup(name, start)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_decision_is_the_largest_count_and_the_lowest_index_on_a_tie),
      TEST(test_policy_is_the_softmax_of_the_counts),
      TEST(test_policy_of_extreme_counts_is_a_distribution),
      TEST(test_reward_is_one_for_the_label_and_zero_otherwise),
      TEST(test_initial_value_is_the_probability_of_the_action),
      TEST(test_value_follows_certainty_critic_and_bias),
      TEST(test_value_stays_between_zero_and_one),
      TEST(test_third_factors_follow_the_policy_gradient),
      TEST(test_reward_favours_the_action_and_its_absence_disfavours_it),
      TEST(test_presynaptic_targets_add_up_over_the_batch),
      TEST(test_running_mean_is_an_average_at_first_and_exponential_later),
      TEST(test_scalars_move_along_the_td_error_at_the_end_of_a_batch),
      TEST(test_a_batch_leaves_nothing_to_the_next),
  };
  return cmocka_run_group_tests_name("critic", tests, NULL, NULL);
}
