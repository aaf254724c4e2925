// proto/ and the structs of this folder against the recorded facts of the wire contract in
// tests/golden/kata-api, and the structs' bytes against libprotobuf's.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "protocol/agent_api.h"
#include "protocol/control_message.h"
#include "protocol/copy_message.h"
#include "protocol/exec_message.h"
#include "protocol/health_message.h"
#include "protocol/message.h"
#include "protocol/network_message.h"
#include "protocol/sandbox_message.h"
#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro::protocol {
namespace {

namespace pb = google::protobuf;

// The descriptors of proto/, from protoc.
class ApiContract : public testing::Test {
 protected:
  ApiContract() {
    const auto folder = sys::TempDir::Create("inro-proto");
    EXPECT_TRUE(folder);
    const std::string out = folder->path() + "/set";
    const auto ran = sys::RunOrFail({"protoc", "--include_imports", "-I", INRO_SOURCE_DIR "/proto",
                                     "-o", out, "agent.proto", "health.proto", "control.proto"});
    EXPECT_TRUE(ran) << ran.error().ToString();
    pb::FileDescriptorSet set;
    EXPECT_TRUE(set.ParseFromString(sys::ReadFile(out).value_or("")));
    for (const auto& file : set.file()) EXPECT_NE(pool_.BuildFile(file), nullptr) << file.name();
  }

  const pb::DescriptorPool& pool() const { return pool_; }

  static std::vector<std::vector<std::string>> Table(const std::string& name) {
    std::ifstream file(INRO_SOURCE_DIR "/tests/golden/kata-api/" + name);
    EXPECT_TRUE(file.good()) << name;
    std::vector<std::vector<std::string>> rows;
    std::string line;
    std::getline(file, line);  // the heading
    while (std::getline(file, line)) {
      std::vector<std::string>& row = rows.emplace_back();
      std::istringstream cells(line);
      for (std::string cell; std::getline(cells, cell, '\t');) row.push_back(cell);
      row.resize(7);
    }
    EXPECT_FALSE(rows.empty()) << name;
    return rows;
  }

  static std::string TypeOf(const pb::FieldDescriptor& field) {
    if (field.is_map()) {
      return "map<" + TypeOf(*field.message_type()->field(0)) + "," +
             TypeOf(*field.message_type()->field(1)) + ">";
    }
    if (field.message_type() != nullptr) return field.message_type()->full_name();
    if (field.enum_type() != nullptr) return field.enum_type()->full_name();
    return field.type_name();
  }

  pb::DescriptorPool pool_;
};

TEST_F(ApiContract, EveryFieldIsAsRecorded) {
  std::map<std::string, int> counts;
  for (const auto& row : Table("messages.tsv")) {
    const std::string name = row[0] + "." + row[1];
    const pb::Descriptor* message = pool().FindMessageTypeByName(name);
    ASSERT_NE(message, nullptr) << name;
    if (row[2] == "-") {
      EXPECT_EQ(message->field_count(), 0) << name;
      continue;
    }
    ++counts[name];
    const pb::FieldDescriptor* field = message->FindFieldByNumber(std::stoi(row[2]));
    ASSERT_NE(field, nullptr) << name << " has no field " << row[2];
    EXPECT_EQ(field->name(), row[3]) << name;
    std::string type = row[4];
    if (const std::size_t dot = type.find(",."); dot != std::string::npos) type.erase(dot + 1, 1);
    EXPECT_EQ(TypeOf(*field), type) << name << "." << row[3];
    const std::string label = field->is_map()        ? "map"
                              : field->is_repeated() ? "repeated"
                                                     : "optional";
    EXPECT_EQ(label, row[5]) << name << "." << row[3];
    const pb::OneofDescriptor* oneof = field->containing_oneof();
    EXPECT_EQ(oneof == nullptr ? "" : oneof->name(), row[6]) << name << "." << row[3];
  }
  for (const auto& [name, count] : counts) {
    EXPECT_EQ(pool().FindMessageTypeByName(name)->field_count(), count) << name;
  }
}

TEST_F(ApiContract, EveryEnumValueIsAsRecorded) {
  for (const auto& row : Table("enums.tsv")) {
    const pb::EnumDescriptor* type = pool().FindEnumTypeByName(row[0] + "." + row[1]);
    ASSERT_NE(type, nullptr) << row[1];
    const pb::EnumValueDescriptor* value = type->FindValueByName(row[2]);
    ASSERT_NE(value, nullptr) << row[2];
    EXPECT_EQ(value->number(), std::stoi(row[3]));
  }
}

TEST_F(ApiContract, EveryMethodIsAsRecorded) {
  std::map<std::string, int> counts;
  for (const auto& row : Table("services.tsv")) {
    const pb::ServiceDescriptor* service = pool().FindServiceByName(row[0]);
    ASSERT_NE(service, nullptr) << row[0];
    const pb::MethodDescriptor* method = service->FindMethodByName(row[1]);
    ASSERT_NE(method, nullptr) << row[1];
    EXPECT_EQ(method->input_type()->full_name(), row[2]);
    EXPECT_EQ(method->output_type()->full_name(), row[3]);
    ++counts[row[0]];
  }
  EXPECT_EQ(counts[std::string(kAgentService)],
            pool().FindServiceByName(std::string(kAgentService))->method_count());
  EXPECT_EQ(counts[std::string(kHealthService)],
            pool().FindServiceByName(std::string(kHealthService))->method_count());
}

// The member types of a struct, said as the descriptors say them.
template <class T>
std::string TypeName(const pb::FieldDescriptor& field) {
  if constexpr (MessageStruct<T>) return std::string(T::kName);
  if constexpr (std::is_enum_v<T>) return field.enum_type()->full_name();
  if constexpr (std::is_same_v<T, bool>) return "bool";
  if constexpr (std::is_same_v<T, std::int32_t>) return "int32";
  if constexpr (std::is_same_v<T, std::int64_t>) return "int64";
  if constexpr (std::is_same_v<T, std::uint32_t>) return "uint32";
  if constexpr (std::is_same_v<T, std::uint64_t>) return "uint64";
  if constexpr (std::is_same_v<T, std::string>) {
    return field.type() == pb::FieldDescriptor::TYPE_BYTES ? "bytes" : "string";
  }
  return "?";
}

template <class T>
struct Singular {
  using Type = T;
  static constexpr bool kRepeated = false;
};
template <class T>
struct Singular<std::optional<T>> : Singular<T> {};
template <class T>
struct Singular<std::vector<T>> {
  using Type = T;
  static constexpr bool kRepeated = true;
};

template <MessageStruct M>
void Fill(M& message, int depth);

template <class T>
void FillValue(T& value, int depth) {
  if constexpr (MessageStruct<T>) {
    Fill(value, depth + 1);
  } else if constexpr (std::is_enum_v<T>) {
    value = static_cast<T>(1);
  } else if constexpr (std::is_same_v<T, std::string>) {
    value = "text\xc3\xa9" + std::to_string(depth);
  } else if constexpr (std::is_same_v<T, std::int32_t> || std::is_same_v<T, std::int64_t>) {
    value = -5;
  } else {
    value = static_cast<T>(std::is_same_v<T, bool> ? 1 : 300 + depth);
  }
}

template <MessageStruct M>
void Fill(M& message, int depth) {
  M::Fields([&](std::uint32_t, const char*, auto member) {
    auto& value = message.*member;
    using T = std::remove_reference_t<decltype(value)>;
    if constexpr (Singular<T>::kRepeated) {
      for (int i = 0; i < 2; ++i) FillValue(value.emplace_back(), depth + i);
    } else if constexpr (MessageStruct<typename Singular<T>::Type>) {
      FillValue(value.emplace(), depth);
    } else {
      FillValue(value, depth);
    }
  });
}

template <class M>
class StructContract : public ApiContract {};

using Structs = testing::Types<
    CheckRequest, HealthCheckResponse, VersionCheckResponse, IPAddress, Interface, Route,
    ARPNeighbor, Interfaces, Routes, UpdateInterfaceRequest, UpdateRoutesRequest, ARPNeighbors,
    AddARPNeighborsRequest, GetIPTablesRequest, GetIPTablesResponse, SetIPTablesRequest,
    SetIPTablesResponse, FSGroup, Storage, KernelModule, CreateSandboxRequest, OnlineCPUMemRequest,
    ReseedRandomDevRequest, AgentDetails, GuestDetailsRequest, GuestDetailsResponse,
    SetGuestDateTimeRequest, Metrics, UnitState, ProcessState, StateResponse, ProbeRequest, Finding,
    ProbeResponse, RoleStateRequest, RoleStateResponse, ExecStartRequest, ExecStartResponse,
    ExecWriteRequest, ExecWriteResponse, ExecReadRequest, ExecReadResponse, ExecResizeRequest,
    ExecSignalRequest, ExecWaitRequest, ExecWaitResponse, CopyLookRequest, CopyLookResponse,
    CopyOpenRequest, CopyBeginRequest, CopyHandle, CopyNextResponse, CopyReadRequest,
    CopyReadResponse, CopyWriteRequest, CopyPutRequest>;
TYPED_TEST_SUITE(StructContract, Structs);

TYPED_TEST(StructContract, FieldsAreThoseOfProto) {
  const std::string name(TypeParam::kName);
  const pb::Descriptor* message = this->pool().FindMessageTypeByName(name);
  ASSERT_NE(message, nullptr) << name;
  int count = 0;
  TypeParam::Fields([&](std::uint32_t number, const char* field_name, auto member) {
    ++count;
    const pb::FieldDescriptor* field = message->FindFieldByNumber(static_cast<int>(number));
    ASSERT_NE(field, nullptr) << name << " " << number;
    EXPECT_EQ(field->name(), field_name);
    using T = std::remove_reference_t<decltype(std::declval<TypeParam&>().*member)>;
    EXPECT_EQ(field->is_repeated(), Singular<T>::kRepeated) << name << "." << field_name;
    EXPECT_EQ(this->TypeOf(*field), TypeName<typename Singular<T>::Type>(*field));
  });
  EXPECT_EQ(message->field_count(), count) << name;
}

TYPED_TEST(StructContract, BytesAreThoseOfLibprotobuf) {
  TypeParam full;
  Fill(full, 0);
  const std::string bytes = Encode(full);
  pb::DynamicMessageFactory factory;
  const std::unique_ptr<pb::Message> theirs(
      factory.GetPrototype(this->pool().FindMessageTypeByName(std::string(TypeParam::kName)))
          ->New());
  ASSERT_TRUE(theirs->ParseFromString(bytes));
  EXPECT_TRUE(theirs->GetReflection()->GetUnknownFields(*theirs).empty());
  EXPECT_EQ(theirs->SerializeAsString(), bytes);
  TypeParam back;
  ASSERT_TRUE(Decode(theirs->SerializeAsString(), back));
  EXPECT_EQ(Encode(back), bytes);
  EXPECT_EQ(Encode(TypeParam{}), "");
}

}  // namespace
}  // namespace inro::protocol
