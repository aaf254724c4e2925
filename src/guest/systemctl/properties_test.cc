#include "guest/systemctl/properties.h"

#include <gtest/gtest.h>

#include <memory>

namespace inro::guest::systemctl {
namespace {

using unit::Microseconds;

class PropertiesTest : public testing::Test {
 protected:
  std::string Of(std::string_view name) {
    return PropertyOf(PropertySource{context_, unit_, row_}, name);
  }

  Context context_;
  unit::Unit unit_;
  Row row_;
};

TEST_F(PropertiesTest, SpansOfTimeAreWrittenAsBySystemd) {
  unit_.service = std::make_unique<unit::ServiceSettings>();
  const struct {
    Microseconds span;
    std::string_view text;
  } rows[] = {{Microseconds(0), "0"},
              {Microseconds(7), "7us"},
              {Microseconds(1'500), "1.500ms"},
              {Microseconds(100'000), "100ms"},
              {Microseconds(1'500'000), "1.500000s"},
              {Microseconds(90'000'000), "1min 30s"},
              {Microseconds(90'500'000), "1min 30.500000s"},
              {Microseconds(86'490'000'000), "1d 1min 30s"},
              {Microseconds(31'557'600'000'000), "1y"},
              {unit::kForever, "infinity"}};
  for (const auto& row : rows) {
    unit_.service->stop_timeout = row.span;
    EXPECT_EQ(Of("TimeoutStopUSec"), row.text);
    EXPECT_EQ(Of("TimeoutAbortUSec"), row.text);
  }
  unit_.service->abort_timeout = Microseconds(2'000'000);
  EXPECT_EQ(Of("TimeoutAbortUSec"), "2s");
  EXPECT_EQ(Of("TimeoutUSec"), "");
}

TEST_F(PropertiesTest, WhatAKindOfUnitDoesNotHaveIsEmpty) {
  for (const char* name : {"IOWeight", "NFileDescriptorStore", "TimeoutUSec", "FixedRandomDelay"}) {
    EXPECT_TRUE(HasProperty(name));
    EXPECT_EQ(Of(name), "") << name;
  }
  unit_.slice = std::make_unique<unit::ResourceSettings>();
  EXPECT_EQ(Of("IOWeight"), "[not set]");
  unit_.slice->io_weight = 300;
  EXPECT_EQ(Of("IOWeight"), "300");
  unit_.timer = std::make_unique<unit::TimerSettings>();
  unit_.timer->randomized_delay = Microseconds(90'000'000);
  EXPECT_EQ(Of("RandomizedDelayUSec"), "1min 30s");
  EXPECT_EQ(Of("FixedRandomDelay"), "no");
}

TEST_F(PropertiesTest, StoredDescriptorsAreThoseOfTheStateFile) {
  unit_.service = std::make_unique<unit::ServiceSettings>();
  unit_.service->fd_store_max = 3;
  row_ = ParseRows("unit\tstored\na.service\t2\n").at("a.service");
  EXPECT_EQ(Of("FileDescriptorStoreMax"), "3");
  EXPECT_EQ(Of("NFileDescriptorStore"), "2");
}

}  // namespace
}  // namespace inro::guest::systemctl
