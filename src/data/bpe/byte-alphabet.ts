/**
 * GPT-2's printable names of the 256 bytes (Radford et al. 2019): tokens of a byte-level BPE are written in them, so
 * that a file of tokens holds no blanks and no control characters.
 */
const PRINTABLE: readonly (readonly [number, number])[] = [
  [0x21, 0x7e],
  [0xa1, 0xac],
  [0xae, 0xff],
];

/** The character that stands for each byte: itself where it can be printed, else one from U+0100 on. */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const itself = PRINTABLE.some(([from, to]) => byte >= from && byte <= to);
    return String.fromCharCode(itself ? byte : next++);
  });
})();

const BYTE_OF = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));

/** The bytes of a token that is written in these characters; undefined where one of them is none. */
export function bytesOfToken(token: string): Uint8Array | undefined {
  const bytes = Array.from(token, (character) => BYTE_OF.get(character));
  return bytes.includes(undefined) ? undefined : Uint8Array.from(bytes as number[]);
}
