// Input of these scripts: one JSON object on standard input, so that no secret and no key stands in a process list.
import { text } from 'node:stream/consumers';

export const input = JSON.parse(await text(process.stdin));

/** Prints the answer: one JSON value. */
export function answer(value) {
  process.stdout.write(JSON.stringify(value));
}
