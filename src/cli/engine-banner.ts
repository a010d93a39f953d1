/**
 * What TensorFlow 2.21 writes to standard error whenever it is loaded, before any setting of its own can say no. It
 * tells that oneDNN is on, which is what was asked for.
 */
const banners = [
  /^WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR$/,
  /^I\d{4} [\d:.]+ +\d+ port\.cc:\d+\] oneDNN custom operations are on\./,
];

export const isEngineBanner = (line: string): boolean => banners.some((banner) => banner.test(line));
