/**
 * For what few processes or requests need: made, or loaded, by the first that does. Packages are loaded so where nothing can wait for an
 * `import()`: `lazily(() => require('…') as typeof import('…'))`. What is kept so, test/lean-start.test.ts knows.
 * @returns asks for it; a failure is not kept
 */
export function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
