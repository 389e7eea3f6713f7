// An SDK of OpenTelemetry that records every span and sends none.
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

new NodeTracerProvider().register();
