// When a run of many steps is saved: every so many seconds, and after each step that takes so long
// that a signal might end the process in the next.
#pragma once

#include <chrono>
#include <functional>

namespace papillon::apps {

class Autosave {
 public:
  // seconds: between saves. save: what a signal is not to cut short.
  Autosave(double seconds, std::function<void()> save);
  // At the end of a step.
  void step();
  void save();

 private:
  using Clock = std::chrono::steady_clock;
  double seconds_;
  std::function<void()> save_;
  double last_save_ = 0;  // how long it took
  Clock::time_point saved_ = Clock::now(), step_ = Clock::now();
};

}  // namespace papillon::apps
