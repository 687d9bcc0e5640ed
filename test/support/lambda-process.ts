/* A process that stands in for Lambda's: takes events over IPC, hands them to dist/lambda.js and sends the answers back. */

const { handler } = (await import(new URL('../../dist/lambda.js', import.meta.url).href)) as {
  handler: (event: unknown, context: object) => Promise<unknown>;
};
process.on('message', (event) => {
  handler(event, {}).then(
    (answer) => process.send!(answer as object),
    (error: unknown) => process.send!({ statusCode: 599, body: String(error) }),
  );
});
process.send!('ready');
