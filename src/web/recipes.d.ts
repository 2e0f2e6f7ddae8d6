/** What is imported as the text that it is. */
declare module '*.sh' {
  const text: string
  export default text
}

declare module '*/receiver.mjs' {
  const text: string
  export default text
}
