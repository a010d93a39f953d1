/**
 * Which hashes have come before, about: what comes once only need not go into a cache. A Bloom filter with one bit for
 * each hash that starts anew when it is full ("doorkeeper": Einziger, Friedman and Manes, TinyLFU, 2017).
 */
const bitsLog2 = 21;
/** Of all bits, a quarter: of hashes that are new an eighth on average are then taken for old ones. */
const fullAt = 1 << (bitsLog2 - 2);

export class Doorkeeper {
  readonly #words = new Uint32Array(1 << (bitsLog2 - 5));
  #set = 0;

  /** Whether a hash of 32 bits came before; from now on it has. */
  meets(hash: number): boolean {
    const bit = hash >>> (32 - bitsLog2);
    const mask = 1 << (bit & 31);
    const word = this.#words[bit >>> 5] as number;
    if ((word & mask) !== 0) return true;
    if (this.#set === fullAt) {
      this.#words.fill(0);
      this.#set = 0;
    }
    this.#words[bit >>> 5] = (this.#words[bit >>> 5] as number) | mask;
    this.#set++;
    return false;
  }
}
