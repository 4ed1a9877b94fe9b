// A metric of generated states, beside what perfect states of the same number would score.
#pragma once

namespace papillon::inline metrics {

struct MetricValue {
  double value = 0;  // of the generated states
  double floor = 0;  // the same metric of states from independent trajectories
  double ratio = 0;  // value / floor
};

// With the ratio of the two.
inline MetricValue metric_value(double value, double floor) {
  return {value, floor, value / floor};
}

}  // namespace papillon::inline metrics
