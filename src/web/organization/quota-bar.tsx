/** How much of a quota is used. */
import { Progress, Stack, Text } from '@mantine/core'
import { bytes } from '../format/sizes.ts'
import { useSpeech } from '../text/language.tsx'

/** From here on somebody should look. */
const NEARLY_FULL = 0.9

export function QuotaBar({ used, quota }: { readonly used: number; readonly quota: number }) {
  const { text, language } = useSpeech()
  const share = quota === 0 ? 1 : Math.min(used / quota, 1)
  const percent = new Intl.NumberFormat(language, { style: 'percent' }).format(share)
  const line = text.organization.quotaLine({
    used: bytes(used, language),
    quota: bytes(quota, language),
    share: percent,
  })
  return (
    <Stack gap={4} maw={420}>
      <Progress
        value={share * 100}
        color={share >= NEARLY_FULL ? 'orange' : 'teal'}
        aria-label={text.organization.quota}
      />
      <Text size="sm">{line}</Text>
    </Stack>
  )
}
