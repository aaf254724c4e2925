// Parsers of the rows of systemd.exec(5), but for the sandbox. Private to the directive table.
#pragma once

#include "unit/directive_parse.h"

namespace inro::unit::parse {

// The row's argument is RLIMIT_*.
void ResourceLimitRow(DirectiveContext& context);
// The row's argument is a DirectoryKind.
void DirectoryNames(DirectiveContext& context);
void DirectoryMode(DirectiveContext& context);
void EnvironmentWords(DirectiveContext& context);
void EnvironmentFileRow(DirectiveContext& context);
void WorkingDirectory(DirectiveContext& context);
void BoundingRow(DirectiveContext& context);
void AmbientRow(DirectiveContext& context);
void UmaskRow(DirectiveContext& context);
void CpuAffinity(DirectiveContext& context);
void TimerSlack(DirectiveContext& context);
void SecureBits(DirectiveContext& context);
void LoadCredential(DirectiveContext& context);
void SetCredential(DirectiveContext& context);

// Streams: exec_stream.cc.
void InputRow(DirectiveContext& context);
void OutputRow(DirectiveContext& context);
void ErrorRow(DirectiveContext& context);
void InputText(DirectiveContext& context);
void InputData(DirectiveContext& context);
void SyslogFacility(DirectiveContext& context);
void SyslogLevel(DirectiveContext& context);
void LogLevelMax(DirectiveContext& context);

}  // namespace inro::unit::parse
