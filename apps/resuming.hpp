// What is said where --resume finds a run with other settings.
#pragma once

#include "papillon/apps/command.hpp"
#include "papillon/nn/run_settings.hpp"

namespace papillon::apps {

// Throws InputError that names the options that differ, what they were and are, and what to do.
// settings: of the command, by which options are told from other settings.
[[noreturn]] void refuse_resume(const SettingsMismatch& mismatch, const Json& settings);

}  // namespace papillon::apps
