#include "guest/clock/keeper.h"

#include <algorithm>

namespace inro::guest::clock {
namespace {

double Seconds(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }

}  // namespace

void Keeper::AddReference(std::unique_ptr<Reference> reference) {
  sources_.push_back({.reference = std::move(reference)});
}

std::optional<Reading> Keeper::Compare(Source*& used) {
  for (Source& source : sources_) {
    if (source.retry_after != 0 && clock_.Monotonic() < source.retry_at) continue;
    auto reading = source.measure.Best(*source.reference);
    if (!reading) {
      Failed(source, reading.error());
      continue;
    }
    source.retry_after = 0;
    used = &source;
    return *reading;
  }
  return std::nullopt;
}

void Keeper::Failed(Source& source, const Error& error) {
  state_.problem = error.ToString();
  if (source.retry_after == 0) {
    // The first time too: a guest without a host's end says so once.
    say_(fmt::format("reference {} is not there: {}", source.reference->name(), state_.problem));
    if (state_.reference == source.reference->name()) ++state_.losses;
    source.retry_after = kFirstRetry;
  } else {
    source.retry_after = std::min(2 * source.retry_after, kLastRetry);
  }
  source.retry_at = clock_.Monotonic() + source.retry_after;
}

void Keeper::Step(Source& source, Reading reading) {
  std::int64_t total = 0;
  for (int i = 0; i < kStepsAtOnce; ++i) {
    const auto stepped = clock_.StepBy(reading.offset);
    if (!stepped) {
      state_.problem = stepped.error().ToString();
      say_(state_.problem);
      break;
    }
    total += reading.offset;
    // Somebody else may have set the clock between the reading and the step.
    const auto again = source.measure.Best(*source.reference);
    if (!again) break;
    reading = *again;
    if (!IsOffBy(reading, kFirstStep)) break;
  }
  state_.reading = reading;
  if (total == 0) return;
  ++state_.steps;
  state_.last_step = total;
  state_.last_step_at = clock_.Realtime();
  say_(fmt::format("stepped the clock by {:+.6f} s, to the time of reference {}", Seconds(total),
                   source.reference->name()));
  if (!state_.chrony_runs) return;
  if (const auto reset = chrony_.ResetSources(); reset) {
    ++state_.resets;
    quick_rounds_ = kQuickRounds;
  } else {
    say_(fmt::format("chrony keeps what it measured before: {}", reset.error().ToString()));
  }
}

void Keeper::TellChrony(const Reading& reading, Act act) {
  if (act == Act::kFeed && chrony_.Feed(reading)) ++state_.fed;
  if (act == Act::kSlew) {
    if (const auto slewed = clock_.SlewBy(reading.offset); !slewed) {
      say_(slewed.error().ToString());
    }
  }
  state_.tracking.reset();
  if (!state_.chrony_runs) return;
  if (const auto tracking = chrony_.AskTracking()) state_.tracking = *tracking;
}

std::int64_t Keeper::UntilNextRound(const Source* used) const {
  if (used != nullptr) return quick_rounds_ > 0 ? kQuickInterval : kInterval;
  std::int64_t wait = kLastRetry;
  for (const Source& source : sources_) {
    wait = std::min(wait, source.retry_at - clock_.Monotonic());
  }
  return std::clamp(wait, kFirstRetry / 10, kLastRetry);
}

void Keeper::LookForChrony() {
  const bool fed = state_.chrony_fed;
  state_.chrony_runs = chrony_.Runs();
  state_.chrony_fed = state_.chrony_runs && chrony_.WantsSamples();
  if (quick_rounds_ > 0) --quick_rounds_;
  if (state_.chrony_fed && !fed) quick_rounds_ = kQuickRounds;
}

std::int64_t Keeper::Round() {
  LookForChrony();
  Source* used = nullptr;
  const auto reading = Compare(used);
  if (!reading) {
    state_.reference.clear();
    state_.reading.reset();
    TellChrony({}, Act::kNothing);
    return UntilNextRound(nullptr);
  }
  if (state_.reference != used->reference->name()) {
    state_.reference = used->reference->name();
    say_(fmt::format("reference {}: offset {:+.6f} s, round trip {:.6f} s", state_.reference,
                     Seconds(reading->offset), Seconds(reading->round_trip)));
  }
  state_.problem.clear();
  ++state_.readings;
  state_.reading = reading;
  const Act act =
      discipline_.Take(*reading, state_.chrony_runs, state_.chrony_fed, clock_.Monotonic());
  if (act == Act::kStep) Step(*used, *reading);
  TellChrony(*state_.reading, act);
  return UntilNextRound(used);
}

}  // namespace inro::guest::clock
