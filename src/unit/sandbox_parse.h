// Parsers and words of the rows of the sandbox. Private to the directive table.
#pragma once

#include "unit/directive_parse.h"

namespace inro::unit::parse {

// Truth values in the same spellings as everywhere.
#define INRO_TRUTH(no, yes)                                                              \
  {"no", no}, {"0", no}, {"false", no}, {"off", no}, {"n", no}, {"f", no}, {"yes", yes}, \
      {"1", yes}, {"true", yes}, {"on", yes}, {"y", yes}, {                              \
    "t", yes                                                                             \
  }

inline constexpr Choice<ProtectSystem> kProtectSystems[] = {
    INRO_TRUTH(ProtectSystem::kNo, ProtectSystem::kYes),
    {"full", ProtectSystem::kFull},
    {"strict", ProtectSystem::kStrict},
};

inline constexpr Choice<ProtectHome> kProtectHomes[] = {
    INRO_TRUTH(ProtectHome::kNo, ProtectHome::kYes),
    {"read-only", ProtectHome::kReadOnly},
    {"tmpfs", ProtectHome::kTmpfs},
};

#undef INRO_TRUTH

inline constexpr Choice<ProtectProc> kProtectProcs[] = {
    {"default", ProtectProc::kDefault},
    {"noaccess", ProtectProc::kNoAccess},
    {"invisible", ProtectProc::kInvisible},
    {"ptraceable", ProtectProc::kPtraceable},
};

inline constexpr Choice<bool> kProcSubsets[] = {{"all", false}, {"pid", true}};

void PathsInto(DirectiveContext& context, std::vector<SandboxPath>& target);
template <auto kMember>
void Paths(DirectiveContext& c) {
  PathsInto(c, *In(c.unit, kMember));
}

void BindPaths(DirectiveContext& context);  // argument 1: read only
void TemporaryFileSystems(DirectiveContext& context);
void MountFlags(DirectiveContext& context);
void RestrictNamespaces(DirectiveContext& context);
void RestrictAddressFamilies(DirectiveContext& context);
void SystemCallFilter(DirectiveContext& context);
void SystemCallErrorNumber(DirectiveContext& context);
void Personality(DirectiveContext& context);

}  // namespace inro::unit::parse
