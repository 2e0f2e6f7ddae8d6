/** What the processes of one server must not do at once. The main process keeps it in its memory: it dies with all of them. */

/** As each process sees it. */
export interface SharedTurns {
  /** Of SQLite, which has one writer: in order of asking. Resolves to what ends the turn. */
  write(): Promise<() => void>
  /** An upload session for one request; undefined while another has it. */
  claim(id: string): Promise<(() => void) | undefined>
}

export interface TurnKeeper {
  /** For one process. @param owner what tells it from the others */
  of(owner: object): SharedTurns
  /** A process is gone: what it held is free. */
  forget(owner: object): void
}

interface Turn {
  readonly owner: object
  begin(): void
}

export function createTurnKeeper(): TurnKeeper {
  let line: Turn[] = []
  let current: Turn | undefined
  const claimed = new Map<string, { readonly owner: object }>()

  function advance(): void {
    current = line.shift()
    current?.begin()
  }

  return {
    of: (owner) => ({
      write: () =>
        new Promise((resolve) => {
          const turn: Turn = {
            owner,
            begin: () =>
              resolve(() => {
                if (current === turn) advance()
              }),
          }
          line.push(turn)
          if (current === undefined) advance()
        }),
      async claim(id) {
        if (claimed.has(id)) return undefined
        const claim = { owner }
        claimed.set(id, claim)
        return () => {
          if (claimed.get(id) === claim) claimed.delete(id)
        }
      },
    }),
    forget(owner) {
      line = line.filter((turn) => turn.owner !== owner)
      for (const [id, claim] of claimed) if (claim.owner === owner) claimed.delete(id)
      if (current?.owner === owner) advance()
    },
  }
}
