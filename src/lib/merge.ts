/** Items of both, as they come; ends (and ends both) when the first of them ends or throws. */
export async function* mergeUntilEither<T>(one: AsyncGenerator<T>, other: AsyncGenerator<T>): AsyncGenerator<T> {
  const ask = (source: AsyncGenerator<T>) => source.next().then((result) => ({ source, result }))
  const asked = new Map([one, other].map((source) => [source, ask(source)]))
  // One that fails while nobody looks is looked at next.
  const quiet = () => {
    for (const promise of asked.values()) promise.catch(() => {})
  }
  try {
    for (;;) {
      quiet()
      const { source, result } = await Promise.race(asked.values())
      if (result.done === true) return
      asked.set(source, ask(source))
      quiet()
      yield result.value
    }
  } finally {
    for (const source of [one, other]) void source.return(undefined).catch(() => {})
  }
}
