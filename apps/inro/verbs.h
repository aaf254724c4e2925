// The verbs of `inro`.
#pragma once

#include <memory>
#include <span>

#include "verb.h"

namespace inro::cli {

std::span<const VerbRow> Verbs();

std::unique_ptr<Verb> MakeBootVerb();
std::unique_ptr<Verb> MakeBuildVerb();
std::unique_ptr<Verb> MakeCompareVerb();
std::unique_ptr<Verb> MakeConfigVerb();
std::unique_ptr<Verb> MakeConsoleVerb();
std::unique_ptr<Verb> MakeCpVerb();
std::unique_ptr<Verb> MakeDefinitionVerb();
std::unique_ptr<Verb> MakeExecVerb();
std::unique_ptr<Verb> MakeExtensionVerb();
std::unique_ptr<Verb> MakeHostVerb();
std::unique_ptr<Verb> MakeInspectVerb();
std::unique_ptr<Verb> MakeLogsVerb();
std::unique_ptr<Verb> MakePsVerb();
std::unique_ptr<Verb> MakeServicesVerb();
std::unique_ptr<Verb> MakeStopVerb();
std::unique_ptr<Verb> MakeTimeVerb();
std::unique_ptr<Verb> MakeTraceVerb();
std::unique_ptr<Verb> MakeUnitsVerb();
std::unique_ptr<Verb> MakeVersionVerb();
std::unique_ptr<Verb> MakeVsockVerb();

}  // namespace inro::cli
