/** The board on which the GPU's thread writes what it is at. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { ProgressBoard, watch } from "../../../../../src/backends/cuda/run/progress-board.ts";

test("what one thread writes the other reads, cut to what fits", () => {
  const shared = ProgressBoard.share();
  const [writer, reader] = [new ProgressBoard(shared), new ProgressBoard(shared)];
  expect(reader.read()).toBe("");
  writer.write("command 3 of 9, gemm, for matmul of layers.0");
  expect(reader.read()).toBe("command 3 of 9, gemm, for matmul of layers.0");
  writer.write("x".repeat(5000));
  expect(reader.read()).toBe("x".repeat(1024));
  writer.write("");
  expect(reader.read()).toBe("");
});

test("only what lasts is told, until it ends", async () => {
  const board = new ProgressBoard(ProgressBoard.share());
  const told: string[] = [];
  board.write("command 1");
  const end = watch(board, 20, (what) => told.push(what));
  await vi.waitFor(() => expect(told.length).toBeGreaterThan(1), 60_000);
  expect(told.every((what) => /^still waiting for the GPU after \d+ s, at command 1$/.test(what))).toBe(true);
  board.write("");
  await sleep(60);
  const before = told.length;
  await sleep(100);
  expect(told).toHaveLength(before);
  board.write("command 2");
  end();
  await sleep(100);
  expect(told).toHaveLength(before);
});
