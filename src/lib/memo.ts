/** Memoized functions. This one: by its argument, an object by identity and not by what it holds. */
export function memoize<K, V>(f: (key: K) => V): (key: K) => V {
  const objects = new WeakMap<object, V>();
  const others = new Map<unknown, V>();
  return (key) => {
    const known = typeof key === "object" && key !== null ? objects : others;
    const memory = known as Map<unknown, V>;
    const found = memory.get(key);
    if (found !== undefined || memory.has(key)) return found as V;
    const value = f(key);
    memory.set(key, value);
    return value;
  };
}

/** The same of a function without an argument. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
