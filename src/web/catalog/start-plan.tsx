/** What a first run would do, asked of the server once nobody types any more. */
import { Alert, Text } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import type { Plan } from '../../api/plans.ts'
import { request } from '../api/request.ts'
import { bytes, number } from '../format/sizes.ts'
import { useSpeech } from '../text/language.tsx'

/** What `POST /mirrors` is asked for. */
export interface Wanted {
  readonly organization: string
  readonly upstream: string
  readonly repository: string
  readonly as: string
  readonly adopt: boolean
  readonly settings: { readonly schedule: { readonly every: string }; readonly selection?: { readonly tags: string[] } }
}

const PLAN_DELAY_MS = 600

/** @param isWanted it is not asked for what cannot be started */
export function useStartPlan(wanted: Wanted, isWanted: boolean) {
  const [settled] = useDebouncedValue(JSON.stringify(wanted), PLAN_DELAY_MS)
  return useQuery({
    queryKey: ['plan', settled],
    enabled: isWanted && settled === JSON.stringify(wanted),
    retry: false,
    staleTime: 60_000,
    queryFn: async ({ signal }) => {
      const body = { ...(JSON.parse(settled) as Wanted), dryRun: true }
      return (await request<{ plan: Plan }>('POST', '/mirrors', { body, signal })).plan
    },
  })
}

export function PlanSummary({ plan }: { readonly plan: Plan | undefined }) {
  const { text, language } = useSpeech()
  const sum = (of: (image: Plan['images'][number]) => number) =>
    number(plan?.images.reduce((all, image) => all + of(image), 0) ?? 0, language)
  const size = plan?.images.reduce((all, image) => all + image.sizeBytes, 0) ?? 0
  return (
    <Alert color="gray" variant="light" title={text.start.plan} aria-live="polite">
      <Text size="sm">
        {plan === undefined
          ? text.start.planning
          : text.start.planLine({
              tags: sum((image) => image.tags.length),
              manifests: sum((image) => image.manifests),
              attestations: sum((image) => image.attestations),
              size: bytes(size, language),
            })}
      </Text>
    </Alert>
  )
}
