/** The moments of a mirror's runs, as they happen: server-sent events, which go on by themselves after a break. */
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { Progress } from '../../api/progress.ts'
import { mirrorQuery } from './mirrors.ts'
import { repositoryPath } from './paths.ts'
import { pathWith } from './request.ts'

export interface Watched {
  readonly moment: Progress
  /** Bytes a second, over what was seen of this run; undefined: not enough yet. */
  readonly rate: number | undefined
}

/**
 * What is shown is read anew once a run has ended, but for one whose end is shown already.
 * @param repository undefined: nothing is watched
 */
export function useProgress(repository: string | undefined): Watched | undefined {
  const client = useQueryClient()
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
      const shown = client.getQueryData(mirrorQuery(repository).queryKey)?.lastRun
      const isShown = shown?.id === moment.runId && shown.endedAt !== null
      if (moment.phase === 'ended' && !isShown) void client.invalidateQueries()
    }
    for (const kind of ['progress', 'end']) source.addEventListener(kind, show)
    return () => source.close()
  }, [repository, client])
  return watched
}
