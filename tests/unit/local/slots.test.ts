/** Which GPUs there are to give away, from what is set and from what the driver says. */
import { describe, expect, test } from "vitest";
import { devicesOf, slots, visibleDevices } from "../../../src/local/slots.ts";

describe("CUDA_VISIBLE_DEVICES", () => {
  const discovered = () => ["GPU-a", "GPU-b"];
  test.each([
    ["indices", "0,2", ["0", "2"]],
    ["spaces", " 1 , 3 ", ["1", "3"]],
    ["UUIDs", "GPU-8f2d1c,GPU-77aa", ["GPU-8f2d1c", "GPU-77aa"]],
    ["MIG devices, new and old", "MIG-12-ab,MIG-GPU-12-ab/1/0", ["MIG-12-ab", "MIG-GPU-12-ab/1/0"]],
    ["one listed twice", "0,0,1", ["0", "1"]],
    ["what follows an entry that is none", "0,-1,1", ["0"]],
    ["none", "", []],
    ["none, as some write it", "-1", []],
    ["none, as Slurm writes it", "NoDevFiles", []],
  ])("%s", (_, text, devices) => {
    expect(visibleDevices({ CUDA_VISIBLE_DEVICES: text }, discovered)).toEqual(devices);
  });
  test("unset: the driver is asked; where there is none, the answer is quick and empty or a list", () => {
    expect(visibleDevices({}, discovered)).toEqual(["GPU-a", "GPU-b"]);
    expect(Array.isArray(visibleDevices({}))).toBe(true);
  });
});

test("nvidia-smi -L: GPUs by UUID, and those that are split by their parts", () => {
  const listing = `GPU 0: NVIDIA H100 PCIe (UUID: GPU-1111-aa)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-2222-bb)
  MIG 3g.20gb     Device  0: (UUID: MIG-3333-cc)
  MIG 3g.20gb     Device  1: (UUID: MIG-4444-dd)
`;
  expect(devicesOf(listing)).toEqual(["GPU-1111-aa", "MIG-3333-cc", "MIG-4444-dd"]);
  expect(devicesOf("No devices found.\n")).toEqual([]);
});

test("each slot has a device of its own, or none where there are none", () => {
  expect(slots(2, ["0", "1", "2"])).toEqual([{ device: "0" }, { device: "1" }]);
  expect(slots(2, [])).toEqual([{}, {}]);
});
