// Runs a function when a scope is left.
#pragma once

#include <utility>

namespace inro {

// `ScopeGuard guard([&] { ... });` runs the function at the end of the scope unless dismissed.
template <class F>
class ScopeGuard {
 public:
  explicit ScopeGuard(F function) : function_(std::move(function)) {}
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;
  ~ScopeGuard() {
    if (active_) function_();
  }
  void Dismiss() { active_ = false; }

 private:
  F function_;
  bool active_ = true;
};

}  // namespace inro
