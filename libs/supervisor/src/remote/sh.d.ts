/** The text of a file. */
declare module '*.sh' {
  const text: string;
  export default text;
}
