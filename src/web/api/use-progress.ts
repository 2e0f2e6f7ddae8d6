/** The moments of a mirror's runs, as they happen: server-sent events, which go on by themselves after a break. */
import { useEffect, useState } from 'react'
import type { Progress } from '../../api/progress.ts'
import { repositoryPath } from './paths.ts'
import { pathWith } from './request.ts'

export interface Watched {
  readonly moment: Progress
  /** Bytes a second, over what was seen of this run; undefined: not enough yet. */
  readonly rate: number | undefined
}

/** @param repository undefined: nothing is watched */
export function useProgress(repository: string | undefined, onEnd: () => void): Watched | undefined {
  const [watched, setWatched] = useState<Watched>()
  useEffect(() => {
    if (repository === undefined) return
    let first: { readonly moment: Progress; readonly at: number } | undefined
    const source = new EventSource(pathWith(`/mirrors/${repositoryPath(repository)}/progress`))
    const show = ({ data }: MessageEvent<string>) => {
      const moment = JSON.parse(data) as Progress
      const at = performance.now()
      if (first?.moment.runId !== moment.runId) first = { moment, at }
      const seconds = (at - first.at) / 1000
      const rate = seconds < 1 ? undefined : (moment.bytes.done - first.moment.bytes.done) / seconds
      setWatched({ moment, rate })
      if (moment.phase === 'ended') onEnd()
    }
    for (const kind of ['progress', 'end']) source.addEventListener(kind, show)
    return () => source.close()
  }, [repository, onEnd])
  return watched
}
