#include "papillon/apps/autosave.hpp"

#include <utility>

#include "papillon/apps/interrupt.hpp"

namespace papillon::apps {
namespace {

// Half of the patience that there is with a run that has something to save.
constexpr double slow_step = 0.5;
// No more than this part of the time goes into saves between steps.
constexpr double share = 0.05;

}  // namespace

Autosave::Autosave(double seconds, std::function<void()> save)
    : seconds_(seconds), save_(std::move(save)) {}

void Autosave::step() {
  const auto now = Clock::now();
  const double took = std::chrono::duration<double>(now - step_).count(),
               since = std::chrono::duration<double>(now - saved_).count();
  step_ = now;
  if (since > seconds_ || (took > slow_step && share * since > last_save_)) save();
}

void Autosave::save() {
  const SaveInProgress saving;
  const auto start = Clock::now();
  save_();
  saved_ = step_ = Clock::now();
  last_save_ = std::chrono::duration<double>(saved_ - start).count();
}

}  // namespace papillon::apps
