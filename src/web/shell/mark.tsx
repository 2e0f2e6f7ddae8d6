/** The sign of Kagami: a round mirror with a light on it. */
export function Mark({ size = 22 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <circle cx="16" cy="16" r="13.5" fill="none" stroke="var(--mantine-color-teal-filled)" strokeWidth="3" />
      <circle cx="16" cy="16" r="9" fill="var(--mantine-color-teal-filled)" opacity="0.22" />
      <path
        d="M10.5 15.5a6 6 0 0 1 5-5"
        fill="none"
        stroke="var(--mantine-color-teal-filled)"
        strokeWidth="2.4"
        strokeLinecap="round"
      />
    </svg>
  )
}
