//! The errors of the API: one table of codes, and how an error is answered.

use hyper::StatusCode;
use runtime::{
    ActivityError, ArnError, ExecutionError, MapRunError, OperationalError, StartError,
    StateMachineError, TagError, TaskError, TestStateError,
};
use store::StoreError;

use crate::write::JsonWriter;

/// What a client can tell errors apart by. Those of the service model bear AWS's names.
/// See <https://docs.aws.amazon.com/step-functions/latest/apireference/CommonErrors.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ErrorCode {
    ActivityAlreadyExists,
    ActivityDoesNotExist,
    ActivityLimitExceeded,
    ActivityWorkerLimitExceeded,
    ConflictException,
    ExecutionAlreadyExists,
    ExecutionDoesNotExist,
    ExecutionLimitExceeded,
    ExecutionNotRedrivable,
    InvalidArn,
    InvalidDefinition,
    InvalidEncryptionConfiguration,
    InvalidExecutionInput,
    InvalidLoggingConfiguration,
    InvalidName,
    InvalidOutput,
    InvalidToken,
    MissingRequiredParameter,
    ResourceNotFound,
    ServiceQuotaExceededException,
    StateMachineAlreadyExists,
    StateMachineDeleting,
    StateMachineDoesNotExist,
    StateMachineLimitExceeded,
    StateMachineTypeNotSupported,
    TaskDoesNotExist,
    TaskTimedOut,
    TooManyTags,
    ValidationException,

    /// The caller's policies do not allow it.
    AccessDeniedException,
    /// The session that signed is over.
    ExpiredTokenException,
    /// The signature cannot be read.
    IncompleteSignatureException,
    /// The signature is wrong, or not for now, for this region or for this service.
    InvalidSignatureException,
    /// The request is not signed.
    MissingAuthenticationTokenException,
    /// Nobody has that access key.
    UnrecognizedClientException,
    /// The body is not JSON, or a member has the wrong type.
    SerializationException,
    /// No such operation, path or method.
    UnknownOperationException,
    /// The body is not of the type that the protocol asks for.
    UnsupportedMediaTypeException,
    /// The body is larger than a request may be.
    RequestEntityTooLargeException,
    /// The body did not arrive in time.
    RequestTimeoutException,
    /// More requests than the bucket of the operation has tokens for. Clients retry.
    ThrottlingException,
    /// The store cannot be written to now. Clients retry.
    ServiceUnavailable,
    /// A mistake of Stairwell's, or a store that cannot be read.
    InternalFailure,
}

/// Before the `#` of `__type`.
const SERVICE: &str = "com.amazonaws.swf.service.v2.model";
const VALIDATION: &str = "com.amazon.coral.validate";
const PROTOCOL: &str = "com.amazon.coral.service";
const AVAILABILITY: &str = "com.amazon.coral.availability";

impl ErrorCode {
    /// The code as clients know it, its namespace, and its HTTP status. What a client did wrong is
    /// never a 5xx, since clients retry those.
    fn entry(self) -> (&'static str, &'static str, StatusCode) {
        use ErrorCode as Code;
        let service = |name| (name, SERVICE, StatusCode::BAD_REQUEST);
        let protocol = |name, status| (name, PROTOCOL, status);
        match self {
            Code::ActivityAlreadyExists => service("ActivityAlreadyExists"),
            Code::ActivityDoesNotExist => service("ActivityDoesNotExist"),
            Code::ActivityLimitExceeded => service("ActivityLimitExceeded"),
            Code::ActivityWorkerLimitExceeded => service("ActivityWorkerLimitExceeded"),
            Code::ConflictException => service("ConflictException"),
            Code::ExecutionAlreadyExists => service("ExecutionAlreadyExists"),
            Code::ExecutionDoesNotExist => service("ExecutionDoesNotExist"),
            Code::ExecutionLimitExceeded => service("ExecutionLimitExceeded"),
            Code::ExecutionNotRedrivable => service("ExecutionNotRedrivable"),
            Code::InvalidArn => service("InvalidArn"),
            Code::InvalidDefinition => service("InvalidDefinition"),
            Code::InvalidEncryptionConfiguration => service("InvalidEncryptionConfiguration"),
            Code::InvalidExecutionInput => service("InvalidExecutionInput"),
            Code::InvalidLoggingConfiguration => service("InvalidLoggingConfiguration"),
            Code::InvalidName => service("InvalidName"),
            Code::InvalidOutput => service("InvalidOutput"),
            Code::InvalidToken => service("InvalidToken"),
            Code::MissingRequiredParameter => service("MissingRequiredParameter"),
            Code::ResourceNotFound => service("ResourceNotFound"),
            Code::ServiceQuotaExceededException => service("ServiceQuotaExceededException"),
            Code::StateMachineAlreadyExists => service("StateMachineAlreadyExists"),
            Code::StateMachineDeleting => service("StateMachineDeleting"),
            Code::StateMachineDoesNotExist => service("StateMachineDoesNotExist"),
            Code::StateMachineLimitExceeded => service("StateMachineLimitExceeded"),
            Code::StateMachineTypeNotSupported => service("StateMachineTypeNotSupported"),
            Code::TaskDoesNotExist => service("TaskDoesNotExist"),
            Code::TaskTimedOut => service("TaskTimedOut"),
            Code::TooManyTags => service("TooManyTags"),
            Code::ValidationException => {
                ("ValidationException", VALIDATION, StatusCode::BAD_REQUEST)
            }
            Code::ThrottlingException => {
                ("ThrottlingException", AVAILABILITY, StatusCode::BAD_REQUEST)
            }
            Code::AccessDeniedException => {
                protocol("AccessDeniedException", StatusCode::BAD_REQUEST)
            }
            Code::ExpiredTokenException => {
                protocol("ExpiredTokenException", StatusCode::BAD_REQUEST)
            }
            Code::IncompleteSignatureException => {
                protocol("IncompleteSignatureException", StatusCode::BAD_REQUEST)
            }
            Code::InvalidSignatureException => {
                protocol("InvalidSignatureException", StatusCode::BAD_REQUEST)
            }
            Code::MissingAuthenticationTokenException => {
                protocol("MissingAuthenticationTokenException", StatusCode::BAD_REQUEST)
            }
            Code::UnrecognizedClientException => {
                protocol("UnrecognizedClientException", StatusCode::BAD_REQUEST)
            }
            Code::SerializationException => {
                protocol("SerializationException", StatusCode::BAD_REQUEST)
            }
            Code::UnknownOperationException => {
                protocol("UnknownOperationException", StatusCode::BAD_REQUEST)
            }
            Code::UnsupportedMediaTypeException => {
                protocol("UnsupportedMediaTypeException", StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Code::RequestEntityTooLargeException => {
                protocol("RequestEntityTooLargeException", StatusCode::PAYLOAD_TOO_LARGE)
            }
            Code::RequestTimeoutException => {
                protocol("RequestTimeoutException", StatusCode::REQUEST_TIMEOUT)
            }
            Code::ServiceUnavailable => {
                protocol("ServiceUnavailable", StatusCode::SERVICE_UNAVAILABLE)
            }
            Code::InternalFailure => protocol("InternalFailure", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// The code alone, as in the header `x-amzn-errortype`.
    pub fn name(self) -> &'static str {
        self.entry().0
    }

    /// Whether the service model has it, so that SDKs know it by name.
    pub fn is_modelled(self) -> bool {
        !matches!(self.entry().1, PROTOCOL | AVAILABILITY)
    }

    /// The HTTP status that it is answered with.
    pub fn status(self) -> StatusCode {
        self.entry().2
    }
}

/// `reason` of a `ValidationException`.
/// See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html#API_StartExecution_Errors>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValidationReason {
    /// The ARN has a label, which the operation does not take.
    ApiDoesNotSupportLabeledArns,
    /// A Map Run that has ended was to be updated.
    CannotUpdateCompletedMapRun,
    /// The routing configuration of an alias is wrong.
    InvalidRoutingConfiguration,
    /// None of the members was given of which one must be.
    MissingRequiredParameter,
}

impl ValidationReason {
    /// As the service model writes it.
    pub fn name(self) -> &'static str {
        match self {
            ValidationReason::ApiDoesNotSupportLabeledArns => "API_DOES_NOT_SUPPORT_LABELED_ARNS",
            ValidationReason::CannotUpdateCompletedMapRun => "CANNOT_UPDATE_COMPLETED_MAP_RUN",
            ValidationReason::InvalidRoutingConfiguration => "INVALID_ROUTING_CONFIGURATION",
            ValidationReason::MissingRequiredParameter => "MISSING_REQUIRED_PARAMETER",
        }
    }
}

/// An error as it is answered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}: {message}", code.name())]
pub struct ApiError {
    /// What a program reads.
    pub code: ErrorCode,
    /// What a person reads; AWS's words where they are known.
    pub message: String,
    /// `reason` of a `ValidationException`, where the service model has one for it.
    pub reason: Option<ValidationReason>,
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> ApiError {
        ApiError { code, message: message.into(), reason: None }
    }

    pub(crate) fn validation(message: impl Into<String>) -> ApiError {
        ApiError::new(ErrorCode::ValidationException, message)
    }

    /// The same, with the reason that the service model has for it.
    pub(crate) fn because(self, reason: ValidationReason) -> ApiError {
        ApiError { reason: Some(reason), ..self }
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Vec<u8> {
        let (name, namespace, _) = self.code.entry();
        let mut out = JsonWriter::object();
        out.text("__type", &format!("{namespace}#{name}"));
        out.text("message", &self.message);
        out.optional_text("reason", self.reason.map(ValidationReason::name));
        out.finish()
    }
}

impl From<OperationalError> for ApiError {
    fn from(error: OperationalError) -> ApiError {
        let code = match &error {
            OperationalError::Overloaded => ErrorCode::ThrottlingException,
            // A conflict that is left after the runtime's own attempts means contention.
            OperationalError::Store(
                StoreError::Conflict
                | StoreError::Refused(_)
                | StoreError::Unknown(_)
                | StoreError::Elsewhere,
            )
            | OperationalError::ShuttingDown => ErrorCode::ServiceUnavailable,
            OperationalError::Store(StoreError::Corrupt(_)) | OperationalError::Quarantined => {
                ErrorCode::InternalFailure
            }
        };
        ApiError::new(code, error.to_string())
    }
}

impl From<ArnError> for ApiError {
    fn from(error: ArnError) -> ApiError {
        let code = match &error {
            ArnError::Prefix(_) | ArnError::Type(_) | ArnError::Form(_) => ErrorCode::InvalidArn,
            ArnError::Labelled(_) => {
                let error = ApiError::validation(error.to_string());
                return error.because(ValidationReason::ApiDoesNotSupportLabeledArns);
            }
        };
        ApiError::new(code, error.to_string())
    }
}

impl From<StateMachineError> for ApiError {
    fn from(error: StateMachineError) -> ApiError {
        let code = match error {
            StateMachineError::Arn(error) => return error.into(),
            StateMachineError::Operational(error) => return error.into(),
            StateMachineError::InvalidName(_) => ErrorCode::InvalidName,
            StateMachineError::InvalidDefinition(_) => ErrorCode::InvalidDefinition,
            StateMachineError::AlreadyExists(_) => ErrorCode::StateMachineAlreadyExists,
            StateMachineError::DoesNotExist(_) => ErrorCode::StateMachineDoesNotExist,
            StateMachineError::Deleting(_) => ErrorCode::StateMachineDeleting,
            StateMachineError::NothingToUpdate => ErrorCode::MissingRequiredParameter,
            StateMachineError::ExecutionDoesNotExist(_) => ErrorCode::ExecutionDoesNotExist,
            StateMachineError::Conflict(_) => ErrorCode::ConflictException,
            StateMachineError::LimitExceeded(_) => ErrorCode::StateMachineLimitExceeded,
            StateMachineError::QuotaExceeded(_) => ErrorCode::ServiceQuotaExceededException,
            StateMachineError::ResourceNotFound => ErrorCode::ResourceNotFound,
            StateMachineError::InvalidLogging(_) => ErrorCode::InvalidLoggingConfiguration,
            StateMachineError::InvalidRouting(message) => {
                let reason = ValidationReason::InvalidRoutingConfiguration;
                return ApiError::validation(message).because(reason);
            }
            StateMachineError::NoAliasUpdate => {
                let reason = ValidationReason::MissingRequiredParameter;
                return ApiError::validation(error.to_string()).because(reason);
            }
        };
        ApiError::new(code, error.to_string())
    }
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> ApiError {
        let code = match error {
            StartError::Arn(error) => return error.into(),
            StartError::Operational(error) => return error.into(),
            StartError::Mocks(_) => ErrorCode::ValidationException,
            StartError::InvalidName(_) => ErrorCode::InvalidName,
            StartError::InvalidInput(_) => ErrorCode::InvalidExecutionInput,
            StartError::TypeNotSupported => ErrorCode::StateMachineTypeNotSupported,
            StartError::StateMachineDoesNotExist(_) => ErrorCode::StateMachineDoesNotExist,
            StartError::StateMachineDeleting(_) => ErrorCode::StateMachineDeleting,
            StartError::AlreadyExists(_) => ErrorCode::ExecutionAlreadyExists,
            StartError::LimitExceeded(_) => ErrorCode::ExecutionLimitExceeded,
        };
        ApiError::new(code, error.to_string())
    }
}

impl From<ExecutionError> for ApiError {
    fn from(error: ExecutionError) -> ApiError {
        let code = match error {
            ExecutionError::Arn(error) => return error.into(),
            ExecutionError::Operational(error) => return error.into(),
            ExecutionError::MapRun(error) => return error.into(),
            ExecutionError::DoesNotExist(_) => ErrorCode::ExecutionDoesNotExist,
            ExecutionError::StateMachineDoesNotExist(_) => ErrorCode::StateMachineDoesNotExist,
            ExecutionError::NotRedrivable(_) => ErrorCode::ExecutionNotRedrivable,
            ExecutionError::LimitExceeded(_) => ErrorCode::ExecutionLimitExceeded,
            ExecutionError::TypeNotSupported => ErrorCode::StateMachineTypeNotSupported,
        };
        ApiError::new(code, error.to_string())
    }
}

impl From<MapRunError> for ApiError {
    fn from(error: MapRunError) -> ApiError {
        let code = match error {
            MapRunError::Arn(error) => return error.into(),
            MapRunError::Operational(error) => return error.into(),
            MapRunError::NotFound(_) => ErrorCode::ResourceNotFound,
            MapRunError::ExecutionDoesNotExist(_) => ErrorCode::ExecutionDoesNotExist,
            MapRunError::NotRunning(_) => {
                let reason = ValidationReason::CannotUpdateCompletedMapRun;
                return ApiError::validation(error.to_string()).because(reason);
            }
        };
        ApiError::new(code, error.to_string())
    }
}

impl From<ActivityError> for ApiError {
    fn from(error: ActivityError) -> ApiError {
        let code = match error {
            ActivityError::Arn(error) => return error.into(),
            ActivityError::Operational(error) => return error.into(),
            ActivityError::InvalidName(_) => ErrorCode::InvalidName,
            ActivityError::AlreadyExists(_) => ErrorCode::ActivityAlreadyExists,
            ActivityError::DoesNotExist(_) => ErrorCode::ActivityDoesNotExist,
            ActivityError::LimitExceeded(_) => ErrorCode::ActivityLimitExceeded,
            ActivityError::WorkerLimitExceeded(_) => ErrorCode::ActivityWorkerLimitExceeded,
        };
        ApiError::new(code, error.to_string())
    }
}

impl From<TagError> for ApiError {
    fn from(error: TagError) -> ApiError {
        let code = match error {
            TagError::Arn(error) => return error.into(),
            TagError::Operational(error) => return error.into(),
            TagError::ResourceNotFound(_) => ErrorCode::ResourceNotFound,
            TagError::TooManyTags => ErrorCode::TooManyTags,
            TagError::Reserved(_) | TagError::Characters(_) => ErrorCode::ValidationException,
        };
        ApiError::new(code, error.to_string())
    }
}

impl From<TestStateError> for ApiError {
    fn from(error: TestStateError) -> ApiError {
        let code = match error {
            TestStateError::Operational(error) => return error.into(),
            TestStateError::InvalidDefinition(_) | TestStateError::NotTestable(_) => {
                ErrorCode::InvalidDefinition
            }
            TestStateError::InvalidInput(_) => ErrorCode::InvalidExecutionInput,
            TestStateError::Invalid(_) => ErrorCode::ValidationException,
        };
        ApiError::new(code, error.to_string())
    }
}

impl From<TaskError> for ApiError {
    fn from(error: TaskError) -> ApiError {
        let code = match error {
            TaskError::Operational(error) => return error.into(),
            TaskError::InvalidToken => ErrorCode::InvalidToken,
            TaskError::TaskTimedOut => ErrorCode::TaskTimedOut,
            TaskError::TaskDoesNotExist => ErrorCode::TaskDoesNotExist,
            TaskError::InvalidOutput(_) => ErrorCode::InvalidOutput,
        };
        ApiError::new(code, error.to_string())
    }
}
